"""Hugging Face's trainers, those that the installed releases have, and how each is made."""
import gc
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tiny  # before transformers, for its environment
import transformers
import trl
from accelerate.utils import broadcast_object_list

gc.freeze()  # garbage is collected after each training: not among all that was imported
VERSIONS = f"transformers {transformers.__version__}, TRL {trl.__version__}"
# accelerate launch says how many processes there are, and which this is: the first one reports
PROCESSES = int(os.environ.get("WORLD_SIZE", "1"))
MAIN = os.environ.get("RANK", "0") == "0"
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


def run_python(processes, *command):
    """A script in so many processes, which find each other by gloo. Prints what they print; returns the exit status."""
    launcher = [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    ended = subprocess.run([sys.executable, "-W", "ignore", *launcher, *command], stdout=subprocess.PIPE, text=True, check=False)
    print(ended.stdout, end="", flush=True)
    return ended.returncode


def run_all(commands):
    """Scripts, after their number of processes, as many at once as there are processors; returns the worst status."""
    tiny.model()  # which they find
    tiny.reward_model()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return max(pool.map(lambda command: run_python(*command), commands), default=0)
