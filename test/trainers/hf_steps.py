"""What trainers with Hugging Face's loop share, to be asked for their steps: what they take, and a look at what they do."""
import tiny  # before transformers, for its environment
import torch
import transformers


def common(pick):
    """What all of Hugging Face's trainers take; of what is left out the default holds."""
    chosen = {
        "per_device_train_batch_size": pick.randint(1, 9),
        "gradient_accumulation_steps": pick.randint(1, 9),
        "num_train_epochs": pick.choice([1, 2, 3, 7, 0.5, 1.5, 2.3]),
        "max_steps": pick.choice([-1, pick.randint(1, 60)]),
        "dataloader_drop_last": pick.random() < 0.5,
        "eval_strategy": pick.choice(["no", "steps", "epoch"]),
        "eval_steps": pick.choice([1, 5, 100, 0.2, 0.5]),
        "eval_delay": pick.choice([0, 0, 3]),
        "logging_steps": pick.choice([1, 10, 500, 0.1]),
        "save_steps": pick.choice([10, 500]),
        "warmup_steps": pick.choice([0, 10]),
    }
    if tiny.RELEASE < (4, 52):
        del chosen["eval_delay"]  # epochs end there within an epoch: they rounded accumulation down
    # without the batch size nobody could tell whose arguments these are; the default of logging_steps, which is one of
    # eval_steps as well, differs between trainers
    told = ("per_device_train_batch_size", "logging_steps")
    return {key: value for key, value in chosen.items() if key in told or pick.random() < 0.7}


class Watch(transformers.TrainerCallback):
    """What a training does: how many steps it wants to run, and runs; when it evaluates first."""

    def __init__(self):
        self.first_evaluation = None

    def watch(self, trainer):
        def evaluate(*args, **kwargs):
            if self.first_evaluation is None:
                self.first_evaluation = trainer.state.global_step
            return {"eval_loss": 0.0}
        trainer.evaluate = evaluate
        trainer.training_step = lambda *args, **kwargs: torch.tensor(0.0)
        trainer.get_batch_samples = counted(trainer.get_batch_samples)

    def on_train_begin(self, args, state, control, **kwargs):
        self.max_steps = state.max_steps

    def on_train_end(self, args, state, control, **kwargs):
        self.steps = state.global_step


def counted(get_batch_samples):
    """The batches without a look into them: some trainers' hold no labels yet."""
    def get(iterator, count, *args):
        batches = [batch for _, batch in zip(range(count), iterator)]
        return batches, None
    return get
