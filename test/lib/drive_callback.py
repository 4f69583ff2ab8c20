"""Drives examples/transformers_callback.py as a Trainer does, by commands on standard input.

usage: drive_callback.py DIRECTORY_OF_EXAMPLE CONNINFO TOKEN [FINAL_SECONDS]

    begin MAX_STEPS [GLOBAL_STEP [RANK]]    the training begins
    log STEP LOGS                           LOGS: JSON with NaN and Infinity, as Python has it
    end                                     it ends
    raise MESSAGE                           it ends by an exception
    replay FILE                             all of a trainer_state.json, from begin to end
    odd                                     logs that are none
    quit                                    the process ends

Answers each with the number of reports that wait; replay, with what the job must say then, in SQL.
transformers itself is not needed: this has its base class, with the events and what they are given.
"""
import json
import logging
import sys
import types

EVENTS = """init_end train_begin train_end epoch_begin epoch_end step_begin pre_optimizer_step optimizer_step
    substep_end step_end evaluate predict save log prediction_step""".split()


class TrainerCallback:
    pass


def nothing(self, args, state, control, **kwargs):
    pass


for event in EVENTS:
    setattr(TrainerCallback, "on_" + event, nothing)
sys.modules["transformers"] = types.SimpleNamespace(TrainerCallback=TrainerCallback)
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from transformers_callback import TrainjobCallback  # noqa: E402


class Trainer:
    """Calls events as transformers.trainer_callback.CallbackHandler does."""

    def __init__(self, callback):
        self.callback = callback
        self.state = types.SimpleNamespace(global_step=0, max_steps=0, epoch=0.0, is_world_process_zero=True)

    def event(self, name, **more):
        answer = getattr(self.callback, "on_" + name)(
            object(), self.state, object(), model=None, processing_class=None, optimizer=None,
            lr_scheduler=None, train_dataloader=None, eval_dataloader=None, **more)
        assert answer is None

    def begin(self, max_steps, global_step=0, rank=0):
        self.event("init_end")
        self.state.max_steps, self.state.global_step = int(max_steps), int(global_step)
        self.state.is_world_process_zero = int(rank) == 0
        self.event("train_begin")

    def log(self, step, logs):
        self.event("step_begin")
        self.state.global_step = int(step)
        self.state.epoch = logs.get("epoch", self.state.epoch)
        self.event("step_end")
        before = repr(logs)
        self.event("log", logs=logs)
        assert repr(logs) == before  # they are other callbacks' as well
        if "eval_loss" in logs:
            self.event("evaluate", metrics=logs)

    def replay(self, file):
        with open(file, encoding="utf-8") as opened:
            run = json.load(opened)
        entries = run["log_history"]
        self.begin(run["max_steps"])
        last = {}
        for entry in entries:
            step = entry.get("step", self.state.global_step)
            self.log(step, {key: value for key, value in entry.items() if key != "step"})
            last.update({key: value for key, value in entry.items() if isinstance(value, (int, float))})
        self.event("train_end")
        columns = {"loss": "loss", "eval_loss": "eval_loss", "grad_norm": "grad_norm",
                   "learning_rate": "learning_rate", "epoch": "current_epoch"}
        return "\t".join(
            [f"status = 'completed' AND total_steps = {run['max_steps']} AND total_steps_source = 'reported'",
             f"(SELECT count(*) FROM local_training_metrics WHERE job_id = local_training_jobs.id) = {len(entries)}",
             f"(SELECT count(*) FROM local_training_metrics, jsonb_each_text(extra) AS e (k, v) WHERE job_id = local_training_jobs.id)"
             f" = {sum(len(set(entry) - {*columns, 'step', 'train_loss'}) for entry in entries)}"]
            + [f"{column} IS NOT DISTINCT FROM '{last[key]}'::float8" for key, column in columns.items() if key in last])


def main():
    logging.basicConfig(format="%(message)s")
    callback = TrainjobCallback(sys.argv[2], sys.argv[3], retry_seconds=0, final_seconds=float((sys.argv + [2])[4]))
    trainer = Trainer(callback)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        answer = None
        if command == "quit":
            break
        if command == "begin":
            trainer.begin(*rest.split())
        elif command == "log":
            step, _, logs = rest.partition(" ")
            trainer.log(step, json.loads(logs))
        elif command == "end":
            trainer.event("train_end")
        elif command == "raise":
            try:
                with callback:
                    raise RuntimeError(rest)
            except RuntimeError:
                pass
        elif command == "replay":
            answer = trainer.replay(rest)
        elif command == "odd":
            trainer.event("log")
            trainer.event("log", logs={("a", 1): 1, "text": "a\x00b", "none": None, "list": [1], "huge": 10**400})
        print(answer or len(callback.pending), flush=True)


main()
