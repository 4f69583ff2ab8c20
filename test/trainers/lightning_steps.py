"""Lightning: the steps that it runs and first evaluates at, for random configurations.

    lightning_steps.py COUNT [lightning]

The trainer's own loop runs to its end, over steps in which nothing is computed. Of several devices, and where it would not
end soon, the total is what the trainer says before it begins.
"""
import inspect
import random
import sys

import check
import pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loops.utilities import _parse_loop_limits
from lightning.pytorch.utilities.exceptions import MisconfigurationException


def common(pick):
    chosen = {
        "accumulate_grad_batches": pick.randint(1, 9),
        "max_epochs": pick.choice([1, 2, 3, 7, 7, -1, None]),
        "max_steps": pick.choice([-1, -1, pick.randint(1, 60)]),
        "limit_train_batches": pick.choice([1, 3, 10, 1000, 1.0, 0.1, 0.25, 0.7, 0.99]),
        "val_check_interval": pick.choice([1, 2, 5, 20, 1.0, 0.1, 0.5, 0.33]),
        "check_val_every_n_epoch": pick.choice([1, 1, 2, 3, None]),
        "limit_val_batches": pick.choice([0, 1, 5, 0.5, 1.0]),
        "overfit_batches": pick.choice([0.0, 0]),
        "drop_last": pick.random() < 0.5,
        "devices": pick.choice([1, 1, 1, 2, 3, 4]),
        "num_nodes": pick.choice([1, 1, 1, 2]),
        "log_every_n_steps": pick.choice([1, 50]),
    }
    # without one of these nobody could tell whose configuration it is
    told = pick.choice(["max_epochs", "accumulate_grad_batches", "limit_train_batches"])
    if told == "max_epochs":
        chosen["max_epochs"] = chosen["max_epochs"] or 2
    return {"batch_size": pick.randint(1, 9),
            **{key: value for key, value in chosen.items() if key == told or pick.random() < 0.5}}


class Idle(pl.Module):
    """Nothing is computed."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        return self.weight.sum() * 0

    def validation_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Watch(Callback):
    """When a training evaluates first; it is stopped then, where it would not end."""

    def __init__(self):
        self.first_evaluation, self.total, self.steps = None, None, None

    def on_train_start(self, trainer, module):
        self.total = trainer.estimated_stepping_batches

    def on_validation_start(self, trainer, module):
        if not trainer.sanity_checking and self.first_evaluation is None:
            self.first_evaluation = trainer.global_step

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if trainer.global_step >= 150:
            trainer.should_stop = True

    def on_train_end(self, trainer, module):
        self.steps = trainer.global_step


def ask(values, samples):
    """What was watched, and the trainer; or why it refuses these values."""
    watch = Watch()
    world = values.get("devices", 1) * values.get("num_nodes", 1)
    made = {**pl.keywords(values), **({"strategy": "ddp"} if world > 1 else {})}
    loaders = pl.loader(values, samples), pl.loader({"batch_size": 1}, samples)
    try:
        trainer = pl.trainer(made, [watch], enable_checkpointing=False, num_sanity_val_steps=0)
        if world > 1:
            watch.total = of_one_of_several(trainer, loaders)
        else:
            trainer.fit(Idle(), *loaders)
    except (ValueError, MisconfigurationException) as refusal:
        return None, str(refusal)
    return watch, "it does not begin"


def of_one_of_several(trainer, loaders):
    """The total that it would say to the first process, as fit() begins; the others are not there."""
    module = Idle()
    trainer.fit_loop.min_epochs, trainer.fit_loop.max_epochs = _parse_loop_limits(
        trainer.min_steps, trainer.max_steps, trainer.min_epochs, trainer.max_epochs, trainer)
    trainer.strategy.connect(module)
    trainer._data_connector.attach_data(module, *loaders)
    trainer.state.fn, trainer.training = "fit", True
    module.trainer = trainer
    trainer.fit_loop.setup_data()
    return trainer.estimated_stepping_batches


def of_all(values):
    """All of a Trainer's keywords, as an application may store them."""
    defaults = {name: keyword.default for name, keyword in inspect.signature(pl.Trainer.__init__).parameters.items()
                if keyword.default is not inspect.Parameter.empty}
    return {**defaults, "devices": 1, **values}  # "auto" are those of the machine


def compare(count, connection):
    pick = random.Random("lightning")
    steps = check.Steps(f"lightning, {pl.lightning.__version__}", connection)
    while steps.count < count:
        values, samples = common(pick), pick.choice([1, 2, 7, 32, 100, 165])
        watch, refusal = ask(values, samples)
        config = values if steps.count % 2 else of_all(values)
        if watch is None or watch.total is None:
            # one that is refused for its evaluations may have none; whoever states the steps is believed
            if "val_" in refusal or values.get("max_steps", -1) > 0:
                continue
            steps.compare(config, samples, None, refusal=refusal)
        else:
            ended = watch.steps is not None and (watch.steps < 150 or watch.first_evaluation is not None)
            total = watch.total if 0 < watch.total < float("inf") else None
            if watch.steps is not None and watch.steps < 150 and watch.steps != total:
                raise AssertionError(f"{config}: it says {total} and runs {watch.steps}")
            steps.compare(config, samples, total, watch.first_evaluation, ended, "endless")
    steps.say()


def main(count, *kinds):
    if not kinds or "lightning" in kinds:
        with check.connect() as connection:
            compare(int(count), connection)


if __name__ == "__main__":
    main(*sys.argv[1:])
