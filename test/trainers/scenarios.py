"""What whole trainings by trainers with Hugging Face's loop in them go through: each as its own command would run it."""
import subprocess
import sys

import check

from hf_runs import At, Check, become_nan, break_saving, fail, kill, restart_server

ONE = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "num_train_epochs": 1}  # 40 rows are 20 steps
EVALUATED = {**ONE, "num_train_epochs": 3, "eval_strategy": "steps", "eval_steps": 5}
SAVED = {**ONE, "num_train_epochs": 2, "save_strategy": "steps", "save_steps": 5}


class Runs:
    """train(kind, job, values, callbacks) is a training that reports, config(kind, values) what an application stores of it.

    values have the names of transformers' arguments. script is the one that train is of.
    """

    def __init__(self, script, train, config):
        self.script, self.train, self.config = script, train, config

    def new_job(self, kind, values):
        return check.new_job(check.connect(), self.config(kind, values), 40)

    def run(self, name, kind, values, at=None, ends="completed", rows=Check):
        """A training to its end, or to the error that it dies of; rows: what looks at the job's row after each log, if any."""
        job = self.new_job(kind, values)
        self.finish(name, kind, job, values, [*([rows(job)] if rows else []), *([at] if at else [])], ends)

    def finish(self, name, kind, job, values, callbacks, ends="completed"):
        died = ""
        try:
            self.train(kind, job, values, callbacks)
        except Exception as error:
            died = repr(error) if ends != "failed" else ""
        wrong = next((callback.wrong for callback in callbacks if isinstance(callback, Check)), "")
        check.say(f"{kind}, {name}", wrong or died or check.judge_end(check.connect(), job, ends))

    def run_resumed(self, kind):
        job = self.new_job(kind, SAVED)
        connection = check.connect()
        total = connection.execute(check.ROW, (job,)).fetchone()[2]
        subprocess.run([sys.executable, "-W", "ignore", self.script, "--killed", kind, job], check=False)
        before = connection.execute(check.ROW, (job,)).fetchone()
        if before[:3] != ("running", 12, total):
            check.say(f"{kind}, killed and resumed", f"killed, it is {before}")
        else:
            self.finish("killed and resumed", kind, job, {**SAVED, "resume_from_checkpoint": f"{job}/checkpoint-10"},
                        [Check(job, 12)])

    def run_all(self, kind, evaluates=True, resumes=True, keeps_best=True):
        self.run("to its end", kind, ONE)
        self.run("one and a half epochs", kind, {**ONE, "num_train_epochs": 1.5})
        self.run("with accumulation", kind, {**ONE, "num_train_epochs": 3, "gradient_accumulation_steps": 2})
        self.run("max_steps", kind, {**ONE, "max_steps": 7})
        self.run("NaN", kind, ONE, at=At(5, become_nan))
        self.run("an error", kind, ONE, at=At(5, fail), ends="failed")
        self.run("an error while saving", kind, SAVED, at=At(4, break_saving), ends="failed")
        if evaluates:
            self.run("with evaluations", kind, EVALUATED)
            self.run("evaluated at the end of epochs", kind, {**ONE, "num_train_epochs": 3, "eval_strategy": "epoch"})
        if keeps_best:
            self.run("early stopping", kind, {**SAVED, **EVALUATED, "learning_rate": 0.0, "load_best_model_at_end": True,
                                              "metric_for_best_model": "eval_loss"})
        if resumes:
            self.run_resumed(kind)
        self.run("the server restarts", kind, {**ONE, "num_train_epochs": 3}, at=At(9, restart_server), rows=None)

    def run_until_killed(self, kind, job):
        self.train(kind, job, SAVED, [At(13, kill)])
