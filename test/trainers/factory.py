"""LLaMA-Factory: data in its formats, and its runs."""
import importlib.machinery
import importlib.metadata
import json
import os
import sys
import types

import tiny  # before transformers, for its environment

os.environ.update(LLAMAFACTORY_VERBOSITY="ERROR", DISABLE_VERSION_CHECK="1")
# reads sound; PyPI's build of it wants CUDA
sys.modules["torchaudio"] = types.ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)

import trl
from llamafactory.train import tuner

VERSIONS = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("llamafactory", "transformers", "trl"))
# PPO wants a TRL that other releases refuse
KINDS = ["pt", "sft", "rm", "dpo", "kto"] if hasattr(trl, "SFTConfig") and tuple(
    int(part) for part in trl.__version__.split(".")[:2]) > (0, 9) else ["pt", "sft", "rm", "dpo", "kto", "ppo"]


def pair(n, chosen, rejected):
    return {"conversations": [{"from": "human", "value": tiny.words(n)}],
            "chosen": {"from": "gpt", "value": tiny.words(chosen)}, "rejected": {"from": "gpt", "value": tiny.words(rejected)}}


FORMATS = {  # what dataset_info.json says of them, and a row
    "text": ({"columns": {"prompt": "text"}}, lambda n: {"text": tiny.words(n)}),
    "alpaca": ({}, lambda n: {"instruction": tiny.words(n), "input": "", "output": tiny.words(n + 1)}),
    "sharegpt": ({"formatting": "sharegpt"}, lambda n: {"conversations": [
        {"from": "human", "value": tiny.words(n)}, {"from": "gpt", "value": tiny.words(n + 1)}]}),
    "ranking": ({"ranking": True, "columns": {"prompt": "instruction", "chosen": "chosen", "rejected": "rejected"}},
                lambda n: {"instruction": tiny.words(n), "chosen": tiny.words(n + 1), "rejected": tiny.words(n + 2)}),
    "pairs": ({"ranking": True, "formatting": "sharegpt", "columns": {
        "messages": "conversations", "chosen": "chosen", "rejected": "rejected"}}, lambda n: pair(n, n + 1, n + 2)),
    "labelled": ({"columns": {"prompt": "instruction", "response": "output", "kto_tag": "label"}},
                 lambda n: {"instruction": tiny.words(n), "output": tiny.words(n + 1), "label": n % 2 == 0}),
}
FORMATS_OF = {"pt": ["text"], "sft": ["alpaca", "sharegpt"], "rm": ["ranking", "pairs"], "dpo": ["ranking", "pairs"],
              "kto": ["labelled"], "ppo": ["alpaca", "sharegpt"]}


def write_data(sizes):
    """A dataset of each format and number of rows, by the name "format-rows"."""
    os.makedirs("data", exist_ok=True)
    info = {}
    for form, (said, row) in FORMATS.items():
        for rows in sizes:
            info[f"{form}-{rows}"] = {"file_name": f"{form}-{rows}.json", **said}
            with open(f"data/{form}-{rows}.json", "w") as file:
                json.dump([row(n) for n in range(rows)], file)
    with open("data/dataset_info.json", "w") as file:
        json.dump(info, file)


def arguments(kind, values):
    """As its YAML files have them."""
    tiny.model()  # is stored by that
    more = {"ppo": {"reward_model": "model", "reward_model_type": "full", "max_new_tokens": 4}}.get(kind, {})
    return {"stage": kind, "do_train": True, "model_name_or_path": "model", "template": "empty", "finetuning_type": "full",
            "dataset_dir": "data", "cutoff_len": 4 if kind == "pt" else 32, "output_dir": "unused", "overwrite_output_dir": True, "report_to": "none",
            "save_strategy": "no", "disable_tqdm": True, **more, **values}


def run(kind, values, callbacks):
    given = arguments(kind, values)
    given["use_cpu"] = True
    tuner.run_exp(given, callbacks)
