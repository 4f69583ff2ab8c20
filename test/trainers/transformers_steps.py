"""Hugging Face's trainers: the steps that they run and first evaluate at, for random configurations.

    transformers_steps.py COUNT [KIND ...]

The trainer's own loop runs to its end, over steps in which nothing is computed.
"""
import contextlib
import io
import os
import random
import sys

import hf  # before transformers, for its environment
import check
import hf_steps
import tiny
import transformers


def of_generations(pick):
    """GRPO and RLOO: completions of one prompt share a batch."""
    batch = pick.choice([1, 2, 4, 8])
    chosen = {
        "num_generations": pick.choice([2, 4, 8]),
        "steps_per_generation": pick.choice([1, 2, 4, 8]),
        "generation_batch_size": batch * pick.choice([2, 8]),
        "num_iterations": pick.choice([1, 2]),
    }
    del chosen[pick.choice(["steps_per_generation", "generation_batch_size"])]
    chosen = {**hf_steps.common(pick), "per_device_train_batch_size": batch,
              **{key: value for key, value in chosen.items() if pick.random() < 0.8}}
    steps = chosen.get("steps_per_generation", chosen.get("gradient_accumulation_steps", 1))
    if chosen.get("generation_batch_size", batch * steps) % chosen.get("num_generations", 8) != 0:
        chosen.pop("max_steps", None)  # it is refused, but whoever states the steps is believed
    if not chosen.keys() & {"num_generations", "steps_per_generation", "generation_batch_size"}:
        chosen["num_generations"] = 2  # without any of these nobody could tell which sampler it is
    return chosen


def in_pairs(pick):
    """KTO refuses batches of one row."""
    chosen = hf_steps.common(pick)
    return {**chosen, "per_device_train_batch_size": max(2, chosen["per_device_train_batch_size"])}


COMPARED = [kind for kind in hf.KINDS if kind != "cpt"]  # which is counted as SFT is
CHOOSE = {"kto": in_pairs, "grpo": of_generations, "rloo": of_generations}


def ask(kind, values, train):
    """What a trainer does by these values: what was watched and its configuration, or why it refuses them."""
    watch = hf_steps.Watch()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            trainer = hf.trainer(kind, values, train, [watch])
            watch.watch(trainer)
            trainer.train()
    except (ValueError, ZeroDivisionError) as refusal:
        return None, str(refusal)
    return watch, trainer.args.to_dict()


def compare(kind, count, connection):
    pick = random.Random(kind)
    rows = hf.ROWS[kind]
    # of fewer prompts than a batch has nothing would be left to train on
    known = {n: tiny.rows(rows, n) for n in ((32, 100, 165) if rows == "prompts" else (1, 2, 7, 32, 100, 165))}
    steps = check.Steps(f"{kind}, {hf.PROCESSES} process(es), {hf.VERSIONS}", connection)
    for number in range(count):
        values, samples = CHOOSE.get(kind, hf_steps.common)(pick), pick.choice(list(known))
        if samples < values["per_device_train_batch_size"]:
            values.pop("dataloader_drop_last", None)  # the same
        watch, more = ask(kind, values, known[samples])
        # as an application stores it: what it chose, or all that the trainer has
        config = more if watch and number % 2 else {"method": kind, **values}
        config = {**config, "transformers_version": transformers.__version__, pick.choice(hf.WORLD): hf.PROCESSES}
        if not hf.MAIN:
            continue
        if watch is None:
            steps.compare(config, samples, None, refusal=more)
        else:
            # releases before 4.52 may stop before their own total, where an epoch has fewer batches than are accumulated
            steps.compare(config, samples, watch.max_steps, watch.first_evaluation, watch.steps == watch.max_steps)
    if hf.MAIN:
        steps.say()


def main(count, *kinds):
    if hf.PROCESSES > 1 or len(kinds) == 1 and kinds[0] in COMPARED:
        with check.connect() as connection:
            for kind in kinds:
                compare(kind, int(count), connection)
        return
    own = os.path.join(os.path.dirname(__file__), "accelerate_steps.py")
    commands = [(1, __file__, count, kind) for kind in COMPARED if not kinds or kind in kinds]
    if not kinds or "accelerate" in kinds:
        commands += [(2, __file__, count, "transformers"), (2, own, count), (1, own, count)]
    sys.exit(hf.run_all(commands))


if __name__ == "__main__":
    main(*sys.argv[1:])
