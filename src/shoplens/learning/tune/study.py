"""Where studies are kept (SQLite, or PostgreSQL in a schema of their own), what draws trials and what stops them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import TrialState
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from shoplens.errors import ConfigurationError, MissingExtraError, StoreError

#: Both Shoplens and optuna keep a table `alembic_version`, each with its own content.
SCHEMA = "shoplens_tune"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
RANDOM_TRIALS = 8  # before the sampler has something to go by
COMPARED_FROM = 4  # finished curves before any is stopped early
WARM_UP = 3  # tenths of the epochs in which nothing is stopped
BEAT, GRACE = 20, 90  # seconds: how often a trial says that it is alive; when one that was silent counts as failed


@contextmanager
def open_storage(url: str) -> Iterator[optuna.storages.RDBStorage]:
    """The storage behind a SQLAlchemy URL, closed afterwards; tables are made when they are missing."""
    ready = prepare(url)
    arguments = {"timeout": 60} if ready.startswith("sqlite") else {}  # seconds to wait for another process's write
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of the heartbeat
            storage = optuna.storages.RDBStorage(
                ready,
                engine_kwargs={"connect_args": arguments},
                heartbeat_interval=BEAT,
                grace_period=GRACE,
            )
    except (SQLAlchemyError, RuntimeError) as error:
        raise StoreError(f"the study cannot be kept in {_shown(url)}: {error}") from error
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def prepare(url: str) -> str:
    """The URL that optuna gets; on PostgreSQL the schema is made first."""
    try:
        parsed = sqlalchemy.make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            f"{url!r} is no database URL; write sqlite:///FILE or postgresql+psycopg://user@host/database"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        return url
    if parsed.get_backend_name() != "postgresql":
        raise ConfigurationError(
            f"a study cannot be kept in {parsed.get_backend_name()}; write sqlite:///FILE or postgresql+psycopg://…"
        )
    parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        engine = sqlalchemy.create_engine(parsed)
    except ModuleNotFoundError as error:
        raise MissingExtraError("a study in PostgreSQL", "postgres") from error
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(7305017)"))  # two may come at once
            connection.execute(sqlalchemy.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    except SQLAlchemyError as error:
        raise StoreError(f"the study cannot be kept in {_shown(url)}: {error}") from error
    finally:
        engine.dispose()
    within = parsed.update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    return within.render_as_string(hide_password=False)


def sampler(seed: int, storage: optuna.storages.BaseStorage, study: str, worker: int = 0) -> optuna.samplers.TPESampler:
    """Seeded by what is there already, so that a study that goes on does not draw the same again."""
    names = {one.study_name: one._study_id for one in storage.get_all_studies()}
    known = len(storage.get_all_trials(names[study], deepcopy=False)) if study in names else 0
    number = int(np.random.SeedSequence([seed, known, worker]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=number, multivariate=True, n_startup_trials=RANDOM_TRIALS)


def pruner() -> optuna.pruners.BasePruner:
    """Stops a trial whose learning curve is below the median of the others at the same share of their epochs."""
    return optuna.pruners.MedianPruner(n_startup_trials=COMPARED_FROM, n_warmup_steps=WARM_UP)


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that count, in the order of their numbers."""
    return study.get_trials(deepcopy=False, states=FINISHED)


def _shown(url: str) -> str:
    return sqlalchemy.make_url(url).render_as_string(hide_password=True)
