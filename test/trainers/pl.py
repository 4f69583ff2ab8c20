"""Lightning's Trainer, and rows to train on: made in code, quiet and on the CPU."""
import logging
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import lightning
import torch
from lightning.pytorch import LightningModule as Module
from lightning.pytorch import Trainer

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
OF_THE_LOADER = ("batch_size", "drop_last")  # among the values of a configuration


def keywords(values):
    """Those that are the trainer's."""
    return {key: value for key, value in values.items() if key not in OF_THE_LOADER}


def loader(values, samples):
    rows = torch.arange(2.0 * samples).reshape(samples, 2) / samples
    return torch.utils.data.DataLoader(rows, **{key: values[key] for key in OF_THE_LOADER if key in values})


def trainer(values, callbacks, **more):
    return Trainer(**{"accelerator": "cpu", "devices": 1, "logger": False, "enable_progress_bar": False,
                      "enable_model_summary": False, **more, **values}, callbacks=callbacks)
