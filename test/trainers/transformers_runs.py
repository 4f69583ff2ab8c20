"""Hugging Face's trainers: whole trainings of tiny models, which report by examples/transformers_callback.py with a token.

    transformers_runs.py [KIND ...]

Parts of that are run in processes of their own, which may die of it, or of which there are two.
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


def run_resumed(kind, processes=1):
    job = new_job(kind, saved(kind), 40, processes)
    connection = check.connect()
    total = connection.execute(check.ROW, (job,)).fetchone()[2]
    hf.run_python(processes, __file__, "--until", "kill", kind, job)
    before = connection.execute(check.ROW, (job,)).fetchone()
    if before[:3] != ("running", 12, total):
        check.say(f"{kind}, killed and resumed", f"killed, it is {before}")
    elif processes > 1:
        hf.run_python(processes, __file__, "--resume", kind, job)
    else:
        resume(kind, job)


def resume(kind, job):
    finish("killed and resumed", kind, job, saved(kind), 40, [Check(job, 12)] if hf.MAIN else [], resume_from_checkpoint=True)


def run_error_while_saving(kind, processes):
    """The process that saves dies alone; who launched them ends the others."""
    job = new_job(kind, saved(kind), 40, processes)
    hf.run_python(processes, __file__, "--until", "break_saving", kind, job)
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
    if hf.PROCESSES == 1:
        run("an error while saving", kind, saved(kind), at=At(4, break_saving), ends="failed")
        run_resumed(kind)
    if kind in TEMPLATES:
        every = TEMPLATES[kind]
        run(f"evaluated every {every} steps", kind, {**one, "eval_strategy": "steps", "eval_steps": every, "logging_steps": 10},
            samples=2 * every + 20, rows=CheckText)


def run_restart(kind):
    """Of the server, which ends what else goes on there."""
    run("the server restarts", kind, {**steps_of_epoch(kind), "num_train_epochs": 3}, at=At(9, restart_server), rows=None)


def run_launched(kind):
    """In two processes."""
    status = hf.run_python(2, __file__, "--all", kind)
    run_error_while_saving(kind, 2)
    run_resumed(kind, 2)
    return status


def main(*kinds):
    chosen = [kind for kind in hf.KINDS if not kinds or kind in kinds]
    launched = ["transformers"] if not kinds or "accelerate" in kinds else []
    status = hf.run_all([(1, __file__, "--all", kind) for kind in chosen] + [(1, __file__, "--launched", kind) for kind in launched])
    for kind in chosen:
        run_restart(kind)
    for kind in launched:
        status = max(status, hf.run_python(2, __file__, "--restart", kind))
    return status


def run_until(what, kind, job):
    """A training that ends its process."""
    train(kind, job, saved(kind), 40, [At(13, kill) if what == "kill" else At(4, break_saving)])


PARTS = {"--all": run_all, "--launched": run_launched, "--restart": run_restart, "--resume": resume, "--until": run_until}

if __name__ == "__main__":
    sys.exit(PARTS[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:] and sys.argv[1] in PARTS else main(*sys.argv[1:]))
