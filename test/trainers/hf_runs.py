"""What is done to, and looked at in, a training by transformers' Trainer, whoever made it."""
import math
import os
import signal

import check
import tiny  # before transformers, for its environment
import transformers

from launch import MAIN


class Check(transformers.TrainerCallback):
    """Compares the job's row with the trainer's state, after each log of its own; wrong is the first difference.

    A resumed training repeats steps that were reported before: until it is beyond them the row stays where it was.
    """

    def __init__(self, job, reported=0):
        self.connection, self.job, self.reported, self.last, self.wrong, self.logs = check.connect(), job, reported, {}, "", 0
        self.ended = False  # some evaluate once more after it

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "train_runtime" in logs or self.wrong or self.ended:
            return
        self.last.update(logs)
        if state.global_step <= self.reported:
            return
        self.logs += 1
        try:
            self.look(state)
        except check.Unequal as difference:
            self.wrong = f"at step {state.global_step} {difference}"

    def on_train_end(self, args, state, control, **kwargs):
        self.ended = True
        if not self.logs:
            self.wrong = "no log was compared"

    def look(self, state):
        epoch = self.last.get("epoch") if state.epoch is None else state.epoch
        check.compare_row(self.connection, self.job, state.global_step, state.max_steps, epoch, self.last)


class CheckText(Check):
    """Also what the dashboard says of the evaluation: when it is due, then its result."""

    def look(self, state):
        super().look(state)
        text, every = self.connection.execute(
            "SELECT eval_loss_text, config->>'eval_steps' FROM job_overview JOIN local_training_jobs USING (id) WHERE id = %s",
            (self.job,)).fetchone()
        result = self.last.get("eval_loss")
        check.expect("eval_loss_text", text if result is None else float(text),
                     f"Awaiting evaluation (every {every} steps)" if result is None else round(result, 4))


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
    """Of step 5."""
    if MAIN:
        os.makedirs(args.output_dir, exist_ok=True)
        open(os.path.join(args.output_dir, "checkpoint-5"), "w").close()  # where a folder is to be


def restart_server(args, model):
    if MAIN:
        check.restart_server()


def kill(args, model):
    os.kill(os.getpid(), signal.SIGKILL)
