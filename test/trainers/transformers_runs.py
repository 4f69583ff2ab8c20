"""Hugging Face's trainers: whole trainings of tiny models, which report by examples/transformers_callback.py with a token.

    transformers_runs.py [KIND ...]
    transformers_runs.py --killed KIND JOB     the process that is killed in the middle
"""
import contextlib
import io
import math
import os
import signal
import subprocess
import sys

import hf  # before transformers, for its environment
import check
import tiny
import transformers

from transformers_callback import TrainjobCallback


class Check(transformers.TrainerCallback):
    """Compares the job's row with the trainer's state, after each log of its own."""

    def __init__(self, connection, job):
        self.connection, self.job, self.logs, self.last = connection, job, 0, {}

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "train_runtime" in logs:
            return
        self.last.update(logs)
        check.compare_row(self.connection, self.job, state.global_step, state.max_steps, state.epoch, self.last)
        self.logs += 1


class At(transformers.TrainerCallback):
    """Does something once, at the end of a step."""

    def __init__(self, step, what):
        self.step, self.what = step, what

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if state.global_step == self.step:
            self.what(args, model)


def become_nan(args, model):
    for parameter in model.parameters():
        parameter.data.fill_(math.nan)


def fail(args, model):
    raise RuntimeError("CUDA out of memory")


def break_saving(args, model):
    open(args.output_dir, "w").close()  # where a folder is to be


def kill(args, model):
    os.kill(os.getpid(), signal.SIGKILL)


def train(kind, job, values, samples, callbacks, **more):
    with TrainjobCallback("user=trainer", job, retry_seconds=0) as report, contextlib.redirect_stdout(io.StringIO()):
        hf.trainer(kind, {"output_dir": job, "logging_steps": 1, **values}, tiny.rows(hf.ROWS[kind], samples),
                   [report, *callbacks]).train(**more)


def job_of(connection, kind, values, samples):
    return check.new_job(connection, {"method": kind, **values, "transformers_version": transformers.__version__}, samples)


def run(name, kind, values, samples=40, at=None, ends="completed", reconnects=False):
    """A training to its end, or to the error that it dies of. Where the server restarts, its row is looked at in the end."""
    wrong, connection = "", check.connect()
    job = job_of(connection, kind, values, samples)
    rows = Check(connection, job)
    callbacks = [] if reconnects else [rows]
    if values.get("load_best_model_at_end"):
        callbacks.append(transformers.EarlyStoppingCallback(1))
    try:
        train(kind, job, values, samples, callbacks + ([at] if at else []))
    except check.Unequal as difference:
        wrong = str(difference)
    except Exception as error:
        if ends != "failed":
            wrong = repr(error)
    if reconnects:
        connection = check.connect()
    elif not (wrong or rows.logs):
        wrong = "no log was compared"
    check.say(f"{kind}, {name}", wrong or check.judge_end(connection, job, ends))


RESUMED = {"save_strategy": "steps", "save_steps": 5}


def run_resumed(kind, values):
    connection = check.connect()
    job = job_of(connection, kind, {**values, **RESUMED}, 40)
    total = connection.execute(check.ROW, (job,)).fetchone()[2]
    subprocess.run([sys.executable, "-W", "ignore", __file__, "--killed", kind, job], check=False)
    before = connection.execute(check.ROW, (job,)).fetchone()
    wrong = "" if before[:3] == ("running", 12, total) else f"killed, it is {before}"
    if not wrong:
        # without a look at the row: steps 11 and 12 come twice
        train(kind, job, {**values, **RESUMED}, 40, [], resume_from_checkpoint=True)
        wrong = check.judge_end(connection, job, "completed")
    check.say(f"{kind}, killed and resumed", wrong)


def steps_of_epoch(kind):
    """Arguments by which an epoch of 40 rows is 20 steps."""
    if kind in hf.OF_GENERATIONS:
        # 4 completions of 2 prompts a step
        return {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 2, "num_generations": 2,
                "max_completion_length": 4, "gradient_accumulation_steps": 1}
    return {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1}


def run_all(kind):
    one = {**steps_of_epoch(kind), "num_train_epochs": 1}
    three = {**one, "num_train_epochs": 3}
    evaluated = {**three, "eval_strategy": "steps", "eval_steps": 5}
    saved = {**one, "save_strategy": "steps", "save_steps": 5}
    run("to its end", kind, one)
    run("one and a half epochs", kind, {**one, "num_train_epochs": 1.5})
    run("with accumulation and evaluations", kind, {**evaluated, "gradient_accumulation_steps": 2})
    run("evaluated at the end of epochs", kind, {**three, "eval_strategy": "epoch"})
    run("max_steps", kind, {**one, "max_steps": 7})
    # of NaN nothing can be sampled
    run("NaN", kind, one, at=At(5, become_nan), ends="failed" if kind in hf.OF_GENERATIONS else "completed")
    run("early stopping", kind, {**evaluated, **saved, "num_train_epochs": 3, "learning_rate": 0.0, "load_best_model_at_end": True,
                                 "metric_for_best_model": "eval_loss"})
    run("an error", kind, one, at=At(5, fail), ends="failed")
    run("an error while saving", kind, saved, at=At(4, break_saving), ends="failed")
    run("the server restarts", kind, three, at=At(9, lambda *args: check.restart_server()), reconnects=True)
    run_resumed(kind, {**one, "num_train_epochs": 2})


def main(*kinds):
    for kind in [kind for kind in hf.KINDS if not kinds or kind in kinds]:
        run_all(kind)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--killed"]:
        kind, job = sys.argv[2:]
        train(kind, job, {**steps_of_epoch(kind), "num_train_epochs": 2, **RESUMED}, 40, [At(13, kill)])
    else:
        main(*sys.argv[1:])
