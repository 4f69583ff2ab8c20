"""Whole trainings of tiny models that report by examples/transformers_callback.py with a token: at each log, the job's row
says what the trainer's own state says. Prints "ok - ..." or "not ok - ..." for each.

    whole.py [KIND ...]
    whole.py --resumed JOB FOLDER     the process that is killed in the middle
"""
import contextlib
import io
import math
import os
import signal
import subprocess
import sys
import time
import uuid

import tiny  # before transformers, for its environment
import psycopg
import transformers
import trl

from transformers_callback import TrainjobCallback

KINDS = {
    "transformers": (transformers.Trainer, transformers.TrainingArguments, "plain"),
    "sft": (trl.SFTTrainer, trl.SFTConfig, "text"),
    "dpo": (trl.DPOTrainer, trl.DPOConfig, "pairs"),
    "kto": (trl.KTOTrainer, trl.KTOConfig, "labelled"),
}
ROW = ("SELECT status, current_step, total_steps, loss, eval_loss, learning_rate, current_epoch, progress"
       " FROM local_training_jobs WHERE id = %s")


class Unequal(Exception):
    """The row and the trainer say different things."""


def expect(what, got, expected):
    close = isinstance(got, float) and isinstance(expected, (int, float)) and (
        math.isclose(got, expected, rel_tol=1e-9) or math.isnan(got) and math.isnan(expected))
    if not close and got != expected:
        raise Unequal(f"{what} is {got}, the trainer has {expected}")


class Check(transformers.TrainerCallback):
    """Compares the job's row with the trainer's state, after each log of its own."""

    def __init__(self, connection, job):
        self.connection, self.job, self.logs, self.last = connection, job, 0, {}

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "train_runtime" in logs:
            return
        self.last.update(logs)
        status, step, total, loss, eval_loss, rate, epoch, progress = self.connection.execute(ROW, (self.job,)).fetchone()
        expect("status", status, "running")
        expect("current_step", step, state.global_step)
        expect("total_steps", total, state.max_steps)
        expect("loss", loss, self.last.get("loss"))
        expect("eval_loss", eval_loss, self.last.get("eval_loss"))
        expect("learning_rate", rate, self.last.get("learning_rate"))
        expect("current_epoch", epoch, state.epoch)
        expect("progress", progress, 100 * state.global_step / state.max_steps)
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


def restart_server(args, model):
    data = os.path.join(os.environ["PGHOST"], "data")
    for command in ("stop", "start"):
        subprocess.run([os.environ["PG_CTL"], "-D", data, "-w", "-m", "fast", "-l", data + ".log", command], check=True,
                       stdout=subprocess.DEVNULL)


def new_job(connection, kind, values, samples):
    job = str(uuid.uuid4())
    connection.execute("INSERT INTO training_datasets (storage_path, sample_count, train_samples) VALUES (%s, %s, %s)",
                       (job, samples, samples))
    connection.execute("INSERT INTO local_training_jobs (id, dataset_path, config, job_token) VALUES (%s, %s, %s, %s)",
                       (job, job, psycopg.types.json.Jsonb({"method": kind, **values}), job))
    return job


def train(kind, job, values, samples, callbacks, folder, **more):
    trainer, arguments, rows = KINDS[kind]
    data = tiny.rows(rows, samples)
    given = arguments(**{"output_dir": folder, "report_to": [], "use_cpu": True, "save_strategy": "no", "disable_tqdm": True,
                         "logging_steps": 1, **values})
    parts = {} if kind == "transformers" else {"processing_class": tiny.tokenizer()}
    with TrainjobCallback("user=trainer", job, retry_seconds=0) as report, contextlib.redirect_stdout(io.StringIO()):
        trainer(model=tiny.model(), args=given, train_dataset=data, eval_dataset=data.select([0, 1]),
                callbacks=[report, *callbacks], **parts).train(**more)


def connect():
    return psycopg.connect("user=postgres", autocommit=True)


def run(name, kind, values, samples=40, at=None, ends="completed", reconnects=False):
    """A training to its end, or to the error that it dies of."""
    said, connection = "", connect()
    job = new_job(connection, kind, values, samples)
    check = Check(connection, job)
    callbacks = [at] if reconnects else [check] + ([at] if at else [])
    if values.get("load_best_model_at_end"):
        callbacks.append(transformers.EarlyStoppingCallback(1))
    try:
        train(kind, job, values, samples, callbacks, job)
    except Unequal as difference:
        said = str(difference)
    except Exception as error:
        if ends != "failed":
            said = repr(error)
    finally:
        if reconnects:
            connection = connect()
    if not (said or reconnects or check.logs):
        said = "no log was compared"
    said = said or judge_end(connection, job, ends)
    print(f"{'not ok' if said else 'ok'} - {kind}, {name}{': ' if said else ''}{said}")


def judge_end(connection, job, ends):
    status, progress, wrong = connection.execute(
        "SELECT status, progress_text, (SELECT count(*) FROM trainjob.verify_jobs()) FROM job_overview WHERE id = %s",
        (job,)).fetchone()
    if status != ends or wrong:
        return f"it ends as {status}, verify_jobs lists {wrong}"
    return f"it ends at {progress}" if ends == "completed" and progress != "100%" else ""


RESUMED = {"per_device_train_batch_size": 2, "num_train_epochs": 2, "save_strategy": "steps", "save_steps": 5}


def resumed_part(job, folder):
    train("sft", job, RESUMED, 40, [At(13, lambda args, model: os.kill(os.getpid(), signal.SIGKILL))], folder)


def run_resumed():
    connection = connect()
    job = new_job(connection, "sft", RESUMED, 40)
    subprocess.run([sys.executable, "-W", "ignore", __file__, "--resumed", job, job], check=False)
    before = connection.execute(ROW, (job,)).fetchone()
    said = "" if before[:3] == ("running", 12, 40) else f"killed, it is {before}"
    check = Check(connection, job)
    check.on_log = lambda *args, **kwargs: None  # steps 11 and 12 come twice
    if not said:
        train("sft", job, RESUMED, 40, [check], job, resume_from_checkpoint=True)
        said = judge_end(connection, job, "completed")
    print(f"{'not ok' if said else 'ok'} - sft, killed and resumed{': ' if said else ''}{said}")


SMALL = {"per_device_train_batch_size": 2, "num_train_epochs": 1}
EVALUATED = {**SMALL, "eval_strategy": "steps", "eval_steps": 5}


def main(*kinds):
    for kind in [kind for kind in KINDS if not kinds or kind in kinds]:
        run("to its end", kind, SMALL)
        run("with evaluations", kind, {**EVALUATED, "gradient_accumulation_steps": 2, "num_train_epochs": 3})
    if "sft" in (kinds or KINDS):
        run("max_steps", "sft", {**SMALL, "max_steps": 7})
        run("NaN", "sft", SMALL, at=At(5, become_nan))
        run("early stopping", "sft", {**EVALUATED, "num_train_epochs": 3, "learning_rate": 0.0, "save_strategy": "steps",
                                      "save_steps": 5, "load_best_model_at_end": True, "metric_for_best_model": "eval_loss"})
        run("an error", "sft", SMALL, at=At(5, fail), ends="failed")
        run("an error while saving", "sft", {**SMALL, "save_strategy": "steps", "save_steps": 5}, at=At(4, break_saving),
            ends="failed")
        run("the server restarts", "sft", {**SMALL, "num_train_epochs": 3}, at=At(9, restart_server), reconnects=True)
        run_resumed()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--resumed"]:
        resumed_part(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
