"""Reports a training with torchtune to trainjob, with the job's token; needs psycopg 3. In a recipe's configuration:

    metric_logger:
      _component_: torchtune_logger.TrainjobLogger
      conninfo: postgresql://trainer@db/app

The token is that of the environment's JOB_TOKEN: torchtune writes configurations into its logs. It is sent, with all that is
promised of that, by transformers_callback.py, which is copied with this file; transformers is not needed.
"""
import os
import sys

from torchtune.training.metric_logging import MetricLoggerInterface
from torchtune.utils import get_world_size_and_rank
from transformers_callback import TrainjobCallback as Reporter, as_json


class TrainjobLogger(MetricLoggerInterface):
    def __init__(self, conninfo="", **settings):
        self.reporter = Reporter(conninfo, os.environ["JOB_TOKEN"], **settings)
        self.reporter.running = get_world_size_and_rank()[1] == 0
        # recipes say when they are done, and nothing when they fail
        self.excepthook, sys.excepthook = sys.excepthook, self.fail

    def log_config(self, config):
        self.reporter.report("job_started", {})  # a logger is not told the total

    def log(self, name, data, step):
        self.log_dict({name: data}, step)

    def log_dict(self, payload, step):
        self.reporter.report(None, {**{name: as_json(value) for name, value in payload.items()}, "step": step})

    def close(self):
        self.reporter.end("job_completed", {})

    def fail(self, kind, error, traceback):
        self.reporter.__exit__(kind, error, traceback)
        self.excepthook(kind, error, traceback)
