"""Reports a training with Hugging Face's Trainer to trainjob, with the job's token; needs psycopg 3:

    with TrainjobCallback("postgresql://trainer@db/app", os.environ["JOB_TOKEN"]) as report:
        Trainer(..., callbacks=[report]).train()

No error leaves this file. What cannot be sent while the database is away waits, in order and with its time, and goes with
a later report; a token that is refused, as that of a cancelled job, ends all. The first of several processes reports.
"""
import collections
import itertools
import json
import logging
import time
from datetime import datetime

import psycopg
try:
    from transformers import TrainerCallback
except ImportError:
    TrainerCallback = object  # those of other trainers send by this file, too

COLUMNS = {"loss": "train_loss"}  # all other names are those of a column already, or go to "extra"
CONNECTION = {"autocommit": True, "prepare_threshold": None, "connect_timeout": 5,
              "tcp_user_timeout": 10000, "keepalives_idle": 10, "keepalives_count": 2}


def as_json(value):
    """A number, of torch or numpy too; NaN and Infinity, which JSON has not, as texts."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(number), number)


class TrainjobCallback(TrainerCallback):
    def __init__(self, conninfo, token, retry_seconds=30, final_seconds=60, max_pending=100_000):
        self.conninfo, self.token, self.retry_seconds, self.final_seconds = conninfo, token, retry_seconds, final_seconds
        self.pending = collections.deque(maxlen=max_pending)  # (alert or None, JSON), oldest first
        self.connection, self.next_try, self.running, self.refused = None, 0.0, False, False

    def on_train_begin(self, args, state, control, **kwargs):
        self.running = state.is_world_process_zero
        self.report("job_started", {"total_steps": state.max_steps, "current_step": state.global_step})

    def on_log(self, args, state, control, logs=None, **kwargs):
        values = {COLUMNS.get(k, k): as_json(v) for k, v in (logs or {}).items() if v is not None}
        self.report(None, {"epoch": state.epoch, **values, "step": state.global_step})

    def on_train_end(self, args, state, control, **kwargs):
        self.end("job_completed", {"current_step": state.global_step})

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            self.end("job_failed", {"error_message": str(error) or None, "error_type": kind.__name__})

    def end(self, alert, details):
        self.report(alert, details)
        deadline = time.monotonic() + self.final_seconds
        while self.running and self.pending and not self.refused and time.monotonic() < deadline:
            time.sleep(0.5)
            self.send()
        self.running = False  # what comes after, as from evaluate(), belongs to no running job

    def report(self, alert, details):
        if self.running:
            details["occurred_at" if alert else "recorded_at"] = datetime.now().astimezone()
            self.pending.append((alert, json.dumps(details, default=str, skipkeys=True)))
            if alert or time.monotonic() >= self.next_try:
                self.send()

    def send(self):
        try:
            while self.pending:
                self.send_first(1000)
        except Exception as error:  # whatever it is, training goes on
            logging.warning("%d reports wait for the database: %s", len(self.pending), error)
            self.refused = isinstance(error, psycopg.errors.InvalidAuthorizationSpecification)
            self.running &= not self.refused or self.pending[0][0] == "job_started"  # which may precede its job
            self.next_try = time.monotonic() + self.retry_seconds

    def send_first(self, at_most):
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.conninfo, **CONNECTION)
        alert, reports = next(itertools.groupby(self.pending, key=lambda report: report[0]))
        texts = [text for _, text in itertools.islice(reports, 1 if alert else at_most)]
        query, values = (("SELECT trainjob.report_alert(%s, %s, %s)", (alert, texts[0])) if alert else
                         ("SELECT trainjob.report_metrics(%s, %s)", (f"[{','.join(texts)}]",)))
        try:
            self.connection.execute(query, (self.token, *values))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(texts) > 1:
                return self.send_first(len(texts) // 2)  # one of them is wrong
            logging.warning("report refused: %s: %s", error, texts[0])
        for _ in texts:
            self.pending.popleft()
