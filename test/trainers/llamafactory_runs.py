"""LLaMA-Factory: whole trainings of tiny models by its own command, which report by examples/transformers_callback.py.

    llamafactory_runs.py [STAGE ...]
    llamafactory_runs.py --killed STAGE JOB     the process that is killed in the middle
"""
import contextlib
import io
import sys

import factory  # before transformers, for its environment
import scenarios
import transformers

from transformers_callback import TrainjobCallback


def given(kind, values):
    """Its own arguments for transformers' names."""
    values = {"dataset": f"{factory.FORMATS_OF[kind][0]}-40", "logging_steps": 1, "overwrite_output_dir": False, **values}
    if kind == "pt":
        values["packing"] = False
    if "eval_strategy" in values:
        values["eval_dataset"] = f"{factory.FORMATS_OF[kind][0]}-7"
    if "load_best_model_at_end" in values:
        values["early_stopping_steps"] = 1
    return values


def config(kind, values):
    return {**factory.arguments(kind, given(kind, values)), "transformers_version": transformers.__version__}


def train(kind, job, values, callbacks):
    with TrainjobCallback("user=trainer", job, retry_seconds=0) as report, contextlib.redirect_stdout(io.StringIO()):
        factory.run(kind, {**given(kind, values), "output_dir": job}, [report, *callbacks])


RUNS = scenarios.Runs(__file__, train, config)


def main(*kinds):
    factory.write_data((7, 40))
    for kind in [kind for kind in factory.KINDS if not kinds or kind in kinds]:
        # a value head is neither kept as the best nor resumed, and PPO evaluates nothing
        with_head = kind in ("rm", "ppo")
        RUNS.run_all(kind, evaluates=kind != "ppo", resumes=not with_head, keeps_best=not with_head)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--killed"]:
        RUNS.run_until_killed(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
