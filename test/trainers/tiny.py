"""Models, tokenizers and data that are made in code: nothing is downloaded, and a run takes a second."""
import os

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", WANDB_MODE="disabled",
                  CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1",
                  # releases before torch 2.6 read their own checkpoints so
                  TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD="1")

import datasets
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

datasets.disable_progress_bars()
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()

RELEASE = tuple(int(part) for part in transformers.__version__.split(".")[:2])
WORDS = ["<pad>", "<s>", "</s>", "<unk>", "user", "assistant", *(f"w{n}" for n in range(50))]
CHAT = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"


def tokenizer():
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", bos_token="<s>",
                                                eos_token="</s>", unk_token="<unk>")
    made.chat_template = CHAT
    return made


def config(**more):
    return transformers.LlamaConfig(vocab_size=len(WORDS), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                    num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
                                    pad_token_id=0, bos_token_id=1, eos_token_id=2, **more)


def stored(kind, made):
    """Some trainers load a model once more from where it lies: a folder of the present one."""
    if not os.path.isdir(kind):
        torch.manual_seed(0)
        made().save_pretrained(kind)
        tokenizer().save_pretrained(kind)
    return kind


def model():
    return transformers.LlamaForCausalLM.from_pretrained(
        stored("model", lambda: transformers.LlamaForCausalLM(config())))


def reward_model():
    return transformers.LlamaForSequenceClassification.from_pretrained(
        stored("reward_model", lambda: transformers.LlamaForSequenceClassification(config(num_labels=1))))


def words(n):
    return f"w{n % 50} w{n * 7 % 50}"


def rows(kind, count):
    """So many rows of a dataset, for a kind of training."""
    make = {
        "plain": lambda n: {"input_ids": [1, 6 + n % 50, 7, 2], "labels": [1, 6 + n % 50, 7, 2]},
        "text": lambda n: {"text": words(n)},
        "pairs": lambda n: {"prompt": words(n), "chosen": words(n + 1), "rejected": words(n + 2)},
        "labelled": lambda n: {"prompt": words(n), "completion": words(n + 1), "label": n % 2 == 0},
        "prompts": lambda n: {"prompt": words(n)},
    }[kind]
    return datasets.Dataset.from_list([make(n) for n in range(count)])
