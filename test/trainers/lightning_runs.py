"""Lightning: whole trainings of a tiny model, which report by examples/lightning_callback.py with a token.

    lightning_runs.py [lightning]
    lightning_runs.py --killed JOB     the process that is killed in the middle
"""
import math
import os
import signal
import subprocess
import sys

import check
import pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from lightning_callback import TrainjobCallback


class Module(pl.Module):
    """One that learns a little, and logs what most log."""

    def __init__(self, learning_rate=0.1):
        super().__init__()
        self.learning_rate = learning_rate
        self.layer = torch.nn.Linear(2, 1)

    def loss(self, batch):
        return self.layer(batch).square().mean()

    def training_step(self, batch, index):
        self.log("train_loss", self.loss(batch), on_step=True, on_epoch=True)
        return self.loss(batch)

    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Check(Callback):
    """Compares the job's row with the trainer's state, where something was reported."""

    def __init__(self, connection, job):
        self.connection, self.job, self.logs, self.last = connection, job, 0, {}

    def compare(self, trainer, batch):
        epoch = trainer.current_epoch + batch / trainer.num_training_batches
        check.compare_row(self.connection, self.job, trainer.global_step, trainer.estimated_stepping_batches, epoch, self.last)
        self.logs += 1

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        done = batch_idx + 1
        if done % trainer.accumulate_grad_batches == 0 or done == trainer.num_training_batches:
            self.last.update(loss=trainer.logged_metrics["train_loss_step"].item(),
                             learning_rate=trainer.optimizers[0].param_groups[0]["lr"])
            self.compare(trainer, done)

    def on_validation_end(self, trainer, module):
        if not trainer.sanity_checking:
            self.last["eval_loss"] = trainer.callback_metrics["val_loss"].item()
            self.compare(trainer, trainer.fit_loop.epoch_loop.batch_progress.current.ready)


class At(Callback):
    """Does something once, at the end of a step."""

    def __init__(self, step, what):
        self.step, self.what, self.done = step, what, False

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if trainer.global_step == self.step and not self.done:
            self.done = True
            self.what(trainer, module)


def become_nan(trainer, module):
    for parameter in module.parameters():
        parameter.data.fill_(math.nan)


def fail(trainer, module):
    raise RuntimeError("CUDA out of memory")


def break_saving(trainer, module):
    open(trainer.checkpoint_callback.dirpath, "w").close()  # where a folder is to be


def kill(trainer, module):
    os.kill(os.getpid(), signal.SIGKILL)


def train(job, values, samples, callbacks, at=None, module=None, saves=False, **more):
    # the last callbacks are those that save
    callbacks = [TrainjobCallback("user=trainer", job, retry_seconds=0), *callbacks, *([at] if at else []),
                 *([ModelCheckpoint(job, every_n_train_steps=5, save_top_k=-1)] if saves else [])]
    trainer = pl.trainer({"log_every_n_steps": 1, **pl.keywords(values)}, callbacks, enable_checkpointing=saves)
    torch.manual_seed(0)
    trainer.fit(module or Module(), pl.loader(values, samples), pl.loader({"batch_size": 2}, 4), **more)


def run(name, values, samples=40, ends="completed", error=None, reconnects=False, callbacks=(), **more):
    """A training to its end, or to the error that it dies of. Where the server restarts, its row is looked at in the end."""
    wrong, connection = "", check.connect()
    job = check.new_job(connection, values, samples)
    rows = Check(connection, job)
    try:
        train(job, values, samples, [*([] if reconnects else [rows]), *callbacks], **more)
    except check.Unequal as difference:
        wrong = str(difference)
    except Exception as failure:
        if ends != "failed":
            wrong = repr(failure)
    if reconnects:
        connection = check.connect()
    elif not (wrong or rows.logs):
        wrong = "no log was compared"
    check.say(f"lightning, {name}", wrong or check.judge_end(connection, job, ends))


RESUMED = {"batch_size": 2, "max_epochs": 2}


def run_resumed():
    connection = check.connect()
    job = check.new_job(connection, RESUMED, 40)
    subprocess.run([sys.executable, "-W", "ignore", __file__, "--killed", job], check=False)
    before = connection.execute(check.ROW, (job,)).fetchone()
    wrong = "" if before[:3] == ("running", 13, 40) else f"killed, it is {before}"
    if not wrong:
        # without a look at the row: steps 11 to 13 come twice
        train(job, RESUMED, 40, [], saves=True, ckpt_path=os.path.join(job, "epoch=0-step=10.ckpt"))
        wrong = check.judge_end(connection, job, "completed")
    check.say("lightning, killed and resumed", wrong)


def main():
    one = {"batch_size": 2, "max_epochs": 1}
    three = {"batch_size": 2, "max_epochs": 3}
    evaluated = {**three, "val_check_interval": 5}
    run("to its end", one)
    run("a part of each epoch", {**three, "limit_train_batches": 0.5})
    run("with accumulation and evaluations", {**three, "accumulate_grad_batches": 3, "val_check_interval": 0.25})
    run("evaluated every second epoch", {**three, "check_val_every_n_epoch": 2})
    run("evaluated across epochs", {**three, "val_check_interval": 15, "check_val_every_n_epoch": None})
    run("max_steps", {"batch_size": 2, "max_steps": 7})
    run("NaN", one, at=At(5, become_nan))
    run("early stopping", evaluated, module=Module(learning_rate=0.0), callbacks=[EarlyStopping("val_loss", patience=1)])
    run("an error", one, at=At(5, fail), ends="failed")
    run("an error while saving", one, at=At(4, break_saving), saves=True, ends="failed")
    run("the server restarts", three, at=At(9, lambda *args: check.restart_server()), reconnects=True)
    run_resumed()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--killed"]:
        train(sys.argv[2], RESUMED, 40, [], at=At(13, kill), saves=True)
    elif not sys.argv[1:] or "lightning" in sys.argv[1:]:
        main()
