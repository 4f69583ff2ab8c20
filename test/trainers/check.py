"""What trainjob says held against what a trainer does: the steps that it knows beforehand, and a job's row at each log."""
import json
import math
import os
import subprocess
import uuid

import psycopg

ROW = ("SELECT status, current_step, total_steps, loss, eval_loss, learning_rate, current_epoch, progress"
       " FROM local_training_jobs WHERE id = %s")


def connect():
    return psycopg.connect("user=postgres", autocommit=True)


def say(name, wrong, differences=()):
    """One check; wrong is what is said of it, empty where it holds."""
    print(f"{'not ok' if wrong else 'ok'} - {name}{': ' if wrong else ''}{wrong}", flush=True)
    for one in list(differences)[:5]:
        print("#", *one, flush=True)


class Steps:
    """Counts configurations of a kind, of which a trainer and trainjob say the same or not."""

    def __init__(self, kind, connection):
        self.kind, self.connection, self.count, self.refused, self.differing = kind, connection, 0, 0, []
        self.withheld = 0

    def compare(self, config, samples, total, first_evaluation=None, evaluation_known=True, refusal=None, split=False,
                hidden=False):
        """What a trainer refuses (total None, and why), trainjob must not know.

        split: the trainer splits what it gets, so how many rows it trains on is not known. hidden: nothing tells how many
        rows an epoch has, so trainjob may not know, but for max_steps.
        """
        known = self.connection.execute(
            "SELECT total_steps, first_eval_step, explanation FROM trainjob.explain_total_steps(%s, %s, %s)",
            (json.dumps(config, default=str), samples, None if split else samples)).fetchone()
        self.count += 1
        self.refused += total is None
        if hidden and known[0] is None and config.get("max_steps", -1) in (-1, None):
            self.withheld += 1
            return
        evaluation_known &= not hidden or known[1] is not None
        if known[0] != total or total is not None and evaluation_known and known[1] != first_evaluation:
            ran = f"the trainer: {refusal}" if total is None else f"the trainer: {total}, first evaluation {first_evaluation}"
            self.differing.append((f"{samples} rows", ran, known, config))

    def say(self):
        equal = f"{self.count - len(self.differing)} of {self.count} equal, {self.refused} refused by the trainer"
        say(f"{self.kind}, {self.count} configurations", equal if self.differing else "", self.differing)
        if self.withheld:
            print(f"# {self.withheld} of them unknown, as nothing tells how many rows an epoch has", flush=True)


class Unequal(Exception):
    """The row and the trainer say different things."""


def expect(what, got, expected):
    close = isinstance(got, float) and isinstance(expected, (int, float)) and (
        math.isclose(got, expected, rel_tol=1e-9) or math.isnan(got) and math.isnan(expected))
    if not close and got != expected:
        raise Unequal(f"{what} is {got}, the trainer has {expected}")


def compare_row(connection, job, step, total, epoch, last):
    """last: what the trainer logged, the newest of each key."""
    status, at, of, loss, eval_loss, rate, current_epoch, progress = connection.execute(ROW, (job,)).fetchone()
    expect("status", status, "running")
    expect("current_step", at, step)
    expect("total_steps", of, total)
    expect("loss", loss, last.get("loss"))
    expect("eval_loss", eval_loss, last.get("eval_loss"))
    expect("learning_rate", rate, last.get("learning_rate"))
    expect("current_epoch", current_epoch, epoch)
    expect("progress", progress, 100 * step / total)


def new_job(connection, config, samples):
    """Its dataset, of which two rows more are kept to evaluate, itself, and its token, all by one name."""
    job = str(uuid.uuid4())
    connection.execute("INSERT INTO training_datasets (storage_path, sample_count, train_samples) VALUES (%s, %s, %s)",
                       (job, samples + 2, samples))
    connection.execute("INSERT INTO local_training_jobs (id, dataset_path, config, job_token) VALUES (%s, %s, %s, %s)",
                       (job, job, psycopg.types.json.Jsonb(config), job))
    return job


def judge_end(connection, job, ends):
    """What is wrong with an ended job, or nothing."""
    status, progress, wrong = connection.execute(
        "SELECT status, progress_text, (SELECT count(*) FROM trainjob.verify_jobs()) FROM job_overview WHERE id = %s",
        (job,)).fetchone()
    if status != ends or wrong:
        return f"it ends as {status}, verify_jobs lists {wrong}"
    return f"it ends at {progress}" if ends == "completed" and progress != "100%" else ""


def restart_server():
    data = os.path.join(os.environ["PGHOST"], "data")
    for command in ("stop", "start"):
        subprocess.run([os.environ["PG_CTL"], "-D", data, "-w", "-m", "fast", "-l", data + ".log", command], check=True,
                       stdout=subprocess.DEVNULL)
