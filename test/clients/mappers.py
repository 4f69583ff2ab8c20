"""Django and SQLAlchemy; see scenario.py."""
import os

import django
from django.conf import settings

settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"]}}, USE_TZ=True)
django.setup()

from django.db import models  # noqa: E402
from sqlalchemy import MetaData, Table, create_engine  # noqa: E402
from sqlalchemy.orm import Session, registry  # noqa: E402

import scenario  # noqa: E402

FIELDS = {"text": models.TextField, "count": models.BigIntegerField, "number": models.FloatField,
          "time": models.DateTimeField, "json": models.JSONField, "uuid": models.UUIDField}
PLAIN = {"model_name": "text", "status": "text", "error": "text", "config": "json", "total_samples": "count",
         "total_steps": "count", "current_step": "count", "progress": "number", "loss": "number", "eval_loss": "number"}


def columns():
    names = {"uuid": "uuid", "bigint": "count", "double precision": "number", "text": "text", "jsonb": "json",
             "timestamp with time zone": "time"}
    with scenario.psycopg.connect() as connection:
        return {name: names[kind] for name, kind in connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = 'local_training_jobs' AND column_name <> 'id'")}


def django_model(name, fields):
    attributes = {column: FIELDS[kind](null=True) for column, kind in fields.items()}
    meta = type("Meta", (), {"app_label": "jobs", "managed": False, "db_table": "local_training_jobs"})
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, "id": models.UUIDField(primary_key=True), **attributes})


def save_django(entity, changes):
    for name, value in changes.items():
        setattr(entity, name, value)
    entity.save()


every = django_model("Job", columns())
plain = django_model("PlainJob", PLAIN)
scenario.run("Django, all columns", lambda job: every.objects.get(pk=job), save_django)
scenario.run("Django, an application's columns", lambda job: plain.objects.get(pk=job), save_django)

engine = create_engine("postgresql+psycopg://")
table = Table("local_training_jobs", MetaData(), autoload_with=engine)


def mapped(properties=None):
    """A class whose entities have all columns of the table, or some."""
    job = type("Job", (), {})
    registry().map_imperatively(job, table, include_properties=properties)
    return job


def sqlalchemy(name, job):
    def load(key):
        with Session(engine, expire_on_commit=False) as session:
            entity = session.get(job, key)
            session.expunge(entity)
            return entity

    def merge(entity, changes):
        for column, value in changes.items():
            setattr(entity, column, value)
        with Session(engine) as session, session.begin():
            session.merge(entity)

    scenario.run(name, load, merge)


sqlalchemy("SQLAlchemy merge(), all columns", mapped())
sqlalchemy("SQLAlchemy merge(), an application's columns", mapped(["id", *PLAIN]))
raise SystemExit(scenario.failed > 0)
