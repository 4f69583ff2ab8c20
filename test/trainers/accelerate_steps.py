"""accelerate's own loop, as the *_no_trainer scripts and diffusers' have it: the steps that it runs, for random configurations.

    accelerate_steps.py COUNT     in one process, or in several of torch.distributed.run
"""
import math
import random
import sys

import hf  # before transformers, for its environment
import accelerate
import check
import torch
from accelerate import Accelerator


def choose(pick):
    """The arguments of these scripts, which have no more."""
    chosen = {
        "per_device_train_batch_size": pick.randint(1, 9),
        "gradient_accumulation_steps": pick.randint(1, 9),
        "num_train_epochs": pick.choice([1, 2, 3, 7]),
        "max_train_steps": pick.choice([None, pick.randint(1, 60)]),
        "checkpointing_steps": pick.choice(["10", "epoch"]),
        "num_warmup_steps": 5,
    }
    told = ("per_device_train_batch_size", "num_train_epochs")
    return {key: value for key, value in chosen.items() if key in told or pick.random() < 0.7}


def run(values, samples):
    """Steps of the optimizer until the scripts' condition ends them."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=values.get("gradient_accumulation_steps", 1))
    loader = accelerator.prepare(torch.utils.data.DataLoader(range(samples), values["per_device_train_batch_size"], shuffle=True))
    most = values.get("max_train_steps") or values["num_train_epochs"] * math.ceil(
        len(loader) / accelerator.gradient_accumulation_steps)
    parameter, steps = torch.nn.Linear(1, 1), 0
    while steps < most:
        for _ in loader:
            with accelerator.accumulate(parameter):
                steps += accelerator.sync_gradients
            if steps >= most:
                break
    return steps


def main(count):
    pick = random.Random("accelerate")
    with check.connect() as connection:
        steps = check.Steps(f"accelerate {accelerate.__version__}, {hf.PROCESSES} process(es)", connection)
        for _ in range(int(count)):
            values, samples = choose(pick), pick.choice([1, 2, 7, 32, 100, 165])
            config = {**values, pick.choice(hf.WORLD): hf.PROCESSES}
            ran = run(values, samples)
            if hf.MAIN:
                steps.compare(config, samples, ran, evaluation_known=False)
        if hf.MAIN:
            steps.say()


if __name__ == "__main__":
    main(*sys.argv[1:])
