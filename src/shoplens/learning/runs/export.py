"""A run in MLflow: parameters, figures, curves, pictures, for those who keep their experiments there."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from shoplens.errors import ConfigurationError, MissingExtraError
from shoplens.learning.runs.compare import is_number, leaves
from shoplens.learning.runs.record import Run

EXPERIMENT = "shoplens"
BATCH = 1000  # metrics in one call, MLflow's limit; of parameters it takes 100
LONGEST = 6000  # characters of a parameter, MLflow's limit


def export_mlflow(run: Run, uri: str, *, experiment: str = EXPERIMENT) -> str:
    """Write a run into the MLflow store at `uri` and return MLflow's id of it.

    `uri`: http(s):// for a server, sqlite:///FILE for a store without one (pictures then lie in mlartifacts/ beside the
    file). Exporting a run again adds a second one. MissingExtraError without the extra, ConfigurationError when MLflow
    refuses the store.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
        from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise MissingExtraError("the export to MLflow", "mlflow") from error
    MLFLOW_DISABLE_TELEMETRY.set(True)  # MLflow reports its use to its makers; a shop's figures are nobody's business
    with _without_foreign_warnings():
        try:
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(experiment)
            place = None if found is None else found.experiment_id
            if place is None:
                place = client.create_experiment(experiment, artifact_location=_beside(uri))
            created = _milliseconds(run.created)
            made = client.create_run(place, start_time=created, run_name=run.name, tags=_tags(run))
            known = made.info.run_id
            parameters = [Param(name, value) for name, value in _parameters(run).items()]
            for start in range(0, len(parameters), 100):
                client.log_batch(known, params=parameters[start : start + 100])
            figures = [Metric(name, value, created or 0, step) for name, value, step in _figures(run)]
            for start in range(0, len(figures), BATCH):
                client.log_batch(known, metrics=figures[start : start + BATCH])
            for name in run.files():
                client.log_artifact(known, str(run.folder / name))
            client.set_terminated(known, status="FINISHED" if run.finished else "KILLED")
        except MlflowException as error:
            raise ConfigurationError(
                f"MLflow refused {_plain(uri)}: {error}\nWithout a server, use sqlite:///FILE as the address."
            ) from error
    return str(known)


def _tags(run: Run) -> dict[str, str]:
    tags = {"shoplens.run": run.name, "shoplens.best": run.best, "shoplens.data_fingerprint": run.data_fingerprint}
    if run.code.get("shoplens"):
        tags["shoplens.version"] = str(run.code["shoplens"])
    if run.code.get("revision"):
        tags["mlflow.source.git.commit"] = str(run.code["revision"])
    return tags


def _parameters(run: Run) -> dict[str, str]:
    """Configuration, weights of the blend, facts about the data, seed."""
    tables: Mapping[str, Any] = {
        **run.config,
        "seed": run.seed,
        "weights": run.figures.get("weights") or {},
        "data": run.figures.get("notes") or {},
    }
    return {_key(name): str(value)[:LONGEST] for name, value in leaves(tables).items()}


def _figures(run: Run) -> Iterator[tuple[str, float, int]]:
    """Name, value, step: figures of all models at step 0, curves at their epochs."""
    for model, values in run.models.items():
        for name, value in leaves(values).items():
            if is_number(value):
                yield _key(f"{model}/{name}"), float(value), 0
    for model, curve in run.curves.items():
        for entry in curve:
            step = int(entry.get("epoch") or 0)
            for name, value in entry.items():
                if name != "epoch" and is_number(value):
                    yield _key(f"{model}/epoch/{name}"), float(value), step


def _key(name: str) -> str:
    """In the letters that MLflow allows: recall@20 becomes recall_at_20."""
    return re.sub(r"[^\w\-. /]", "_", name.replace("@", "_at_").replace("+", " or more "))[:250]


def _beside(uri: str) -> str | None:
    """Where pictures go when the store is a file (MLflow would take the current folder); None: the server decides."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0])).resolve().parent / "mlartifacts").as_uri()


def _plain(uri: str) -> str:
    """Without a password."""
    parts = urlsplit(uri)
    return uri if parts.password is None else uri.replace(f":{parts.password}@", ":…@")


def _milliseconds(created: str) -> int | None:
    try:
        return int(datetime.fromisoformat(created).timestamp() * 1000)
    except ValueError:
        return None


@contextmanager
def _without_foreign_warnings() -> Iterator[None]:
    """MLflow uses what its own dependencies call outdated; nobody here can do anything about that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        yield
