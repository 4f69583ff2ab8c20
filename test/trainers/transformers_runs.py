"""Hugging Face's trainers: whole trainings of tiny models, which report by examples/transformers_callback.py with a token.

    transformers_runs.py [KIND ...]
    transformers_runs.py --apart WHAT KIND JOB     one training that may end its process: kill, break_saving or resume
"""
import contextlib
import io
import sys

import hf  # before transformers, for its environment
import check
import tiny
import transformers

from hf_runs import At, Check, CheckText, become_nan, break_saving, fail, kill, restart_server
from transformers_callback import TrainjobCallback


def train(kind, job, values, samples, callbacks, **more):
    with TrainjobCallback("user=trainer", job, retry_seconds=0) as report, contextlib.redirect_stdout(io.StringIO()):
        hf.trainer(kind, {"output_dir": job, "logging_steps": 1, **values}, tiny.rows(hf.ROWS[kind], samples),
                   [report, *callbacks]).train(**more)


def new_job(kind, values, samples, processes=hf.PROCESSES):
    """Its name, which all processes know."""
    config = {"method": kind, **values, "transformers_version": transformers.__version__, "world_size": processes}
    return hf.from_main(check.new_job(check.connect(), config, samples) if hf.MAIN else None)


def run(name, kind, values, samples=40, at=None, ends="completed", rows=Check):
    """A training to its end, or to the error that it dies of; rows: what looks at the job's row after each log, if any."""
    job = new_job(kind, values, samples)
    callbacks = [rows(job)] if hf.MAIN and rows else []
    if values.get("load_best_model_at_end"):
        callbacks.append(transformers.EarlyStoppingCallback(1))
    finish(name, kind, job, values, samples, callbacks + ([at] if at else []), ends)


def finish(name, kind, job, values, samples, callbacks, ends="completed", **more):
    died = ""
    try:
        train(kind, job, values, samples, callbacks, **more)
    except Exception as error:
        died = repr(error) if ends != "failed" else ""
    if hf.MAIN:
        name += f", {hf.PROCESSES} processes" if hf.PROCESSES > 1 else ""
        wrong = next((callback.wrong for callback in callbacks if isinstance(callback, Check)), "")
        check.say(f"{kind}, {name}", wrong or died or check.judge_end(check.connect(), job, ends))


def run_apart(processes, what, kind, job):
    """In processes of their own, which may die of it."""
    hf.run_python(processes, __file__, "--apart", what, kind, job)


def run_resumed(kind, processes=1):
    job = new_job(kind, saved(kind), 40, processes)
    connection = check.connect()
    total = connection.execute(check.ROW, (job,)).fetchone()[2]
    run_apart(processes, "kill", kind, job)
    before = connection.execute(check.ROW, (job,)).fetchone()
    if before[:3] != ("running", 12, total):
        check.say(f"{kind}, killed and resumed", f"killed, it is {before}")
    elif processes > 1:
        run_apart(processes, "resume", kind, job)
    else:
        resume(kind, job)


def resume(kind, job):
    finish("killed and resumed", kind, job, saved(kind), 40, [Check(job, 12)] if hf.MAIN else [], resume_from_checkpoint=True)


def run_error_while_saving(kind, processes):
    """The process that saves dies alone; who launched them ends the others."""
    job = new_job(kind, saved(kind), 40, processes)
    run_apart(processes, "break_saving", kind, job)
    check.say(f"{kind}, an error while saving, {processes} processes", check.judge_end(check.connect(), job, "failed"))


def steps_of_epoch(kind):
    """Arguments by which an epoch of 40 rows is 20 steps."""
    if kind in hf.OF_GENERATIONS:
        # 4 completions of 2 prompts a step
        return {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 2, "num_generations": 2,
                "max_completion_length": 4, "gradient_accumulation_steps": 1}
    return {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1}


def saved(kind):
    return {**steps_of_epoch(kind), "num_train_epochs": 2, "save_strategy": "steps", "save_steps": 5}


TEMPLATES = {"dpo": 100, "orpo": 100, "cpt": 500}  # eval_steps of a job as an application's template has them


def run_all(kind):
    one = {**steps_of_epoch(kind), "num_train_epochs": 1}
    three = {**one, "num_train_epochs": 3}
    evaluated = {**three, "eval_strategy": "steps", "eval_steps": 5}
    run("to its end", kind, one)
    run("one and a half epochs", kind, {**one, "num_train_epochs": 1.5})
    run("with accumulation and evaluations", kind, {**evaluated, "gradient_accumulation_steps": 2})
    run("evaluated at the end of epochs", kind, {**three, "eval_strategy": "epoch"})
    run("max_steps", kind, {**one, "max_steps": 7})
    # of NaN nothing can be sampled
    run("NaN", kind, one, at=At(5, become_nan), ends="failed" if kind in hf.OF_GENERATIONS else "completed")
    run("early stopping", kind, {**saved(kind), **evaluated, "learning_rate": 0.0, "load_best_model_at_end": True,
                                 "metric_for_best_model": "eval_loss"})
    run("an error", kind, one, at=At(5, fail), ends="failed")
    run("the server restarts", kind, three, at=At(9, restart_server), rows=None)
    if hf.PROCESSES == 1:
        run("an error while saving", kind, saved(kind), at=At(4, break_saving), ends="failed")
        run_resumed(kind)
    if kind in TEMPLATES:
        every = TEMPLATES[kind]
        run(f"evaluated every {every} steps", kind, {**one, "eval_strategy": "steps", "eval_steps": every, "logging_steps": 10},
            samples=2 * every + 20, rows=CheckText)


def main(*kinds):
    for kind in [kind for kind in hf.KINDS if not kinds or kind in kinds]:
        run_all(kind)
    if not kinds or "accelerate" in kinds:
        status = hf.run_python(2, __file__, "transformers")
        run_error_while_saving("transformers", 2)
        run_resumed("transformers", 2)
        sys.exit(status)


def main_apart(what, kind, job):
    if what == "resume":
        resume(kind, job)
    else:
        train(kind, job, saved(kind), 40, [At(13, kill) if what == "kill" else At(4, break_saving)])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--apart"]:
        main_apart(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
