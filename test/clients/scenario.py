"""What object mappers do to a job that trainjob keeps true, for mappers in Python.

run(name, load, save): load(job) reads an entity by the job's id; save(entity, changes) changes
some of its attributes and saves it, whole where the mapper does.
"""
import itertools
import uuid

import psycopg

numbers = itertools.count(1)
failed = 0


def sql(statement, *values):
    with psycopg.connect(autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchone() if cursor.description else None


def check(description, got, expected):
    global failed
    ok = got == expected
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {next(numbers)} - {description}" + ("" if ok else f": got {got}, expected {expected}"))


def new_job():
    job = uuid.uuid4()
    sql("INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (%s, 'model', 1650, '{\"num_epochs\": 3}')", job)
    report(job, 10)
    return job


def report(job, *steps):
    for step in steps:
        sql("INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss) VALUES (%s, %s, %s, %s)",
            job, step, 10 / step, 30 / step if step % 20 == 0 else None)


def alert(job, kind):
    sql("INSERT INTO alert_event (job_id, type, error_message) VALUES (%s, %s, 'out of memory')", job, kind)


def shown(job):
    return sql("SELECT model_name, status, current_step, round(progress), eval_loss, error FROM local_training_jobs WHERE id = %s", job)


def outdated(load):
    """A job, and an entity of it from before its last reports."""
    job = new_job()
    entity = load(job)
    report(job, 20, 30)
    return job, entity


def run(name, load, save):
    job, entity = outdated(load)
    save(entity, {"model_name": "renamed"})
    check(f"{name}: what reports said since stays", shown(job), ("renamed", "running", 30, 19.0, 1.5, None))

    job, entity = outdated(load)
    alert(job, "job_completed")
    save(entity, {"model_name": "renamed"})
    check(f"{name}: a completed job stays completed", shown(job), ("renamed", "completed", 30, 100.0, 1.5, None))

    job, entity = outdated(load)
    save(entity, {"status": "cancelled"})
    check(f"{name}: a wish counts, and nothing else", shown(job), ("model", "cancelled", 30, 19.0, 1.5, None))

    job = new_job()
    alert(job, "job_failed")
    save(load(job), {"status": "pending"})
    check(f"{name}: a retry is a restart", shown(job), ("model", "pending", None, None, None, None))
    report(job, 5)
    check(f"{name}: which begins anew", shown(job)[:3], ("model", "running", 5))

    job = new_job()
    save(load(job), {"config": {"num_epochs": 6}})
    check(f"{name}: a fresh save means what it changed",
          sql("SELECT total_steps, total_steps_source, current_step FROM local_training_jobs WHERE id = %s", job), (312, "estimated", 10))
