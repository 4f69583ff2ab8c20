"""Reports a training with Lightning to trainjob, with the job's token; needs psycopg 3:

    report = TrainjobCallback("postgresql://trainer@db/app", os.environ["JOB_TOKEN"])
    trainer = Trainer(..., callbacks=[report])
    trainer.fit(module)

What the module logs is reported when Lightning logs it, with the learning rate of the first optimizer. It is sent, with all
that is promised of that, by transformers_callback.py, which is copied with this file; transformers is not needed.
"""
import math

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback
from transformers_callback import TrainjobCallback as Reporter, as_json


class TrainjobCallback(Callback):
    def __init__(self, conninfo, token, **settings):
        self.reporter = Reporter(conninfo, token, **settings)
        self.step, self.came_by = 0, {}

    def setup(self, trainer, pl_module, stage):
        self.reporter.running = stage == "fit" and trainer.is_global_zero

    def on_train_start(self, trainer, pl_module):
        self.step = trainer.global_step
        self.reporter.report("job_started", {"total_steps": total_steps(trainer), "current_step": self.step})

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        logged = self.logged(trainer, "steps")
        if trainer.global_step != self.step and self.logs_now(trainer):
            rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
            self.report(trainer, batch_idx, {"learning_rate": rates[0], **logged})
        self.step = trainer.global_step

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.report(trainer, trainer.fit_loop.batch_idx, self.logged(trainer, "evaluations"))

    def on_train_epoch_end(self, trainer, pl_module):
        self.report(trainer, trainer.fit_loop.batch_idx, self.logged(trainer, "epochs"))

    def on_fit_end(self, trainer, pl_module):
        self.reporter.end("job_completed", {"current_step": trainer.global_step})

    def on_exception(self, trainer, pl_module, exception):
        self.reporter.__exit__(type(exception), exception, None)

    def logs_now(self, trainer):
        every = trainer.log_every_n_steps
        return every > 0 and trainer.global_step % every == 0 or trainer.should_stop

    def logged(self, trainer, here):
        """What was logged here: Lightning shows all that ever was, of which a name belongs to where it came first."""
        return {name: value for name, value in trainer.logged_metrics.items() if self.came_by.setdefault(name, here) == here}

    def report(self, trainer, batch_idx, values):
        if values:
            epoch = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
            values = {name: as_json(value) for name, value in values.items()}
            self.reporter.report(None, {"epoch": epoch, **values, "step": trainer.global_step})


def total_steps(trainer):
    """None where Lightning does not know it, or counts batches by which several optimizers make steps of their own."""
    try:
        total = trainer.estimated_stepping_batches
    except Exception:  # accumulation that differs between epochs
        return None
    return total if 0 < total < math.inf and trainer.lightning_module.automatic_optimization else None
