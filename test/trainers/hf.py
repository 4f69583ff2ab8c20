"""Hugging Face's trainers, those that the installed releases have, and how each is made."""
import gc
import importlib

import tiny  # before transformers, for its environment
import transformers
import trl
from accelerate.utils import broadcast_object_list

from launch import MAIN, PROCESSES, run_all, run_python

gc.freeze()  # garbage is collected after each training: not among all that was imported
VERSIONS = f"transformers {transformers.__version__}, TRL {trl.__version__}"
WORLD = ("world_size", "num_processes", "nproc_per_node", "num_gpus")  # how configurations call the number of processes
ROWS = {  # of tiny.rows
    "transformers": "plain", "sft": "text", "cpt": "text", "dpo": "pairs", "orpo": "pairs", "kto": "labelled", "reward": "pairs",
    "grpo": "prompts", "rloo": "prompts",
}
NAMES = {"sft": "SFT", "cpt": "SFT", "dpo": "DPO", "orpo": "ORPO", "kto": "KTO", "reward": "Reward", "grpo": "GRPO", "rloo": "RLOO"}


def found(kind):
    """The classes of a trainer and of its arguments, or None where a release has none, or another: the RLOO before GRPO."""
    if kind == "transformers":
        return transformers.Trainer, transformers.TrainingArguments
    for place in ("trl", f"trl.experimental.{kind}"):
        try:
            module = importlib.import_module(place)
            classes = getattr(module, f"{NAMES[kind]}Trainer"), getattr(module, f"{NAMES[kind]}Config")
        except (ImportError, AttributeError):
            continue
        return classes if kind != "rloo" or hasattr(classes[1], "num_generations") else None
    return None


KINDS = [kind for kind in ROWS if found(kind)]
OF_GENERATIONS = ("grpo", "rloo")


def from_main(value):
    """What the first process has, in all."""
    return broadcast_object_list([value])[0] if PROCESSES > 1 else value


def reward(completions, **kwargs):
    """What a completion is worth: anything that differs."""
    return [float(len(completion)) for completion in completions]


def trainer(kind, values, rows, callbacks):
    """values: its arguments, without those that a test is run with; rows: to train on, some of them to evaluate."""
    made, arguments = found(kind)
    given = arguments(**{"output_dir": "unused", "report_to": [], "use_cpu": True, "save_strategy": "no", "disable_tqdm": True,
                         **values})
    more = {} if kind == "transformers" else {"processing_class": tiny.tokenizer()}
    if kind in OF_GENERATIONS:
        more["reward_funcs"] = reward
    return made(model=tiny.reward_model() if kind == "reward" else tiny.model(), args=given, train_dataset=rows,
                eval_dataset=rows.select(range(min(2, len(rows)))), callbacks=callbacks, **more)
