"""LLaMA-Factory: the steps that it runs and first evaluates at, for random configurations.

    llamafactory_steps.py COUNT [STAGE ...]

Its own loop runs to its end, over steps in which nothing is computed.
"""
import contextlib
import io
import random
import sys

import factory  # before transformers, for its environment
import check
import hf_steps
import transformers
from llamafactory.hparams import get_train_args

SIZES = (7, 32, 100, 165)


class Ended(Exception):
    """The training has; what comes after it is of no use here."""


def choose(kind, pick):
    """Its arguments, and how many rows are in its datasets."""
    values = hf_steps.common(pick)
    sizes = pick.sample(SIZES, k=pick.choice([1, 1, 1, 2, 3]))
    names = [f"{pick.choice(factory.FORMATS_OF[kind])}-{size}" for size in sizes]
    rows = sum(sizes)
    values["dataset"] = ",".join(names)
    if pick.random() < 0.4:
        values["val_size"] = pick.choice([0.1, 0.25, 0.267, 1, 2.5, 3, 5])
    if pick.random() < 0.2:
        values["max_samples"] = pick.choice([20, 90, 150, 1000])
    if kind in ("pt", "sft") and pick.random() < 0.3:
        values["packing"] = pick.random() < 0.5
    if kind == "sft" and pick.random() < 0.1:
        values["neat_packing"] = True
    if len(names) > 1 and pick.random() < 0.2:
        values["mix_strategy"] = pick.choice(["interleave_under", "interleave_over"])
    if kind == "dpo":
        values["pref_loss"] = pick.choice(["sigmoid", "orpo", "simpo"])
    if kind == "ppo":
        values["ppo_buffer_size"] = pick.choice([1, 1, 2, 4])
        values.pop("val_size", None)
    return values, rows


def fit(kind, values, rows, pick):
    """Takes off what such a run refuses, or what nobody could tell."""
    if values.get("max_steps", -1) > 0 and kind != "ppo" and pick.random() < 0.2:
        values.update(streaming=True, dataloader_num_workers=1)  # as many parts as workers
        values.pop("max_samples", None)
        if values.get("val_size", 0) % 1:
            values["val_size"] = 3
    least = min(rows, values.get("max_samples", rows))
    if least - 5 < 2 * values["per_device_train_batch_size"] * (values.get("ppo_buffer_size", 1) if kind == "ppo" else 1):
        values.pop("dataloader_drop_last", None)
        values.pop("val_size", None)
    if kind == "kto":
        values["per_device_train_batch_size"] = max(2, values["per_device_train_batch_size"])
    if kind != "ppo" and "val_size" not in values and not values.get("streaming") and pick.random() < 0.3:
        values["eval_dataset"] = f"{factory.FORMATS_OF[kind][0]}-7"
    if "val_size" not in values and "eval_dataset" not in values:
        values["eval_strategy"] = "no"
    if values.get("max_steps", -1) <= 0 and (values.get("packing") or values.get("neat_packing") or kind == "pt"):
        values.pop("dataloader_drop_last", None)
    if "val_size" in values and pick.random() < 0.1:
        values.update(do_train=False, do_eval=True)
    return values


def hidden(kind, values, rows):
    """Whether an application's counts do not tell how many rows an epoch has."""
    if not values.get("do_train", True):
        return False
    packed = values.get("packing", kind == "pt") or values.get("neat_packing")
    return packed or values.get("max_samples", rows) < rows or "mix_strategy" in values or values.get("val_size") == 1


def ask(kind, values):
    """What a training does by these values, or why it is refused."""
    watch, real = hf_steps.Watch(), (transformers.Trainer.train, transformers.Trainer.evaluate)

    def watched(trainer, *args, **kwargs):
        watch.watch(trainer)
        real[0](trainer, *args, **kwargs)
        raise Ended

    # nothing is computed where it only evaluates, either
    transformers.Trainer.train, transformers.Trainer.evaluate = watched, lambda *args, **kwargs: {}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            factory.run(kind, values, [watch, *([Stop()] if is_not_run(kind, values) else [])])
    except Ended:
        return watch, None
    except (ValueError, RuntimeError, ZeroDivisionError) as refusal:
        return None, str(refusal)
    finally:
        transformers.Trainer.train, transformers.Trainer.evaluate = real
    return None, "it does not train"


def is_not_run(kind, values):
    """PPO's own loop runs as many steps as it says; a short stream is read again and again, for as many."""
    return kind == "ppo" or values.get("streaming")


class Stop(transformers.TrainerCallback):
    """Ends the training once it has said how many steps it wants to run."""

    def on_train_begin(self, args, state, control, **kwargs):
        raise Ended


def stored(kind, values, number):
    """As an application has it: its YAML, or all arguments, in one or as W&B is given them."""
    values = factory.arguments(kind, values)
    if number % 2 == 0:
        return values
    model, data, training, finetuning, generating = (args.to_dict() for args in get_train_args({**values, "use_cpu": True}))
    if number % 4 == 1:
        return {**model, **data, **training, **finetuning, **generating}
    return {**training, "model_args": model, "data_args": data, "finetuning_args": finetuning, "generating_args": generating}


def compare(kind, count, connection):
    pick = random.Random(kind)
    steps = check.Steps(f"{kind}, {factory.VERSIONS}", connection)
    for number in range(count):
        values, rows = choose(kind, pick)
        values = fit(kind, values, rows, pick)
        watch, refusal = ask(kind, values)
        config = {**stored(kind, values, number if watch else 0), "transformers_version": transformers.__version__}
        told = {"split": "val_size" in values, "hidden": hidden(kind, values, rows)}
        if watch is None or watch.max_steps == 0:
            steps.compare(config, rows, None, refusal=refusal or "no step", **told)
        else:
            steps.compare(config, rows, watch.max_steps, watch.first_evaluation, not values.get("streaming"), **told)
    steps.say()


def main(count, *kinds):
    factory.write_data(SIZES)
    with check.connect() as connection:
        for kind in [kind for kind in factory.KINDS if not kinds or kind in kinds]:
            compare(kind, int(count), connection)


if __name__ == "__main__":
    main(*sys.argv[1:])
