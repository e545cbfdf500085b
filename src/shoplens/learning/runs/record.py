"""One folder a training: what went in, what came out, and pictures of it.

run.json          configuration, seed, code, fingerprint of the data; written last: without it a run is unfinished
metrics.json      figures, curves, differences, calibration (see report.py)
per_person.npz    metrics of every person, "MODEL/METRIC" → float32 [people], for paired comparisons later
report.html, *.png
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.domain.moments import told
from shoplens.errors import InputError, NotFoundError
from shoplens.learning.evaluate import Evaluation
from shoplens.learning.report import write_report
from shoplens.learning.runs.code_version import code_version

RUN, METRICS, PER_PERSON = "run.json", "metrics.json", "per_person.npz"
COMPARED = "compared"  # folder beside the runs that holds comparisons
NO_RUNS = (".", "tune-", COMPARED)  # beginnings of names of other folders beside the runs
FORMAT = 1
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was read. What an older or unfinished run does not say is empty."""

    name: str
    folder: Path
    created: str  # ISO 8601, UTC; "" when unknown
    figures: Mapping[str, Any]  # metrics.json
    config: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)  # see code_version
    data_fingerprint: str = ""
    seed: int | None = None
    finished: bool = True

    @property
    def best(self) -> str:
        """The best model on validation."""
        return str(self.figures.get("best", ""))

    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """Model → its figures."""
        return self.figures.get("models") or {}

    @property
    def curves(self) -> Mapping[str, list[dict[str, Any]]]:
        """Model → one entry an epoch."""
        return self.figures.get("curves") or {}

    def per_person(self) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
        """Model → metric → values [people]; empty where they were not kept or cannot be read."""
        result: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
        try:
            with (self.folder / PER_PERSON).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                for key in kept.files:
                    model, _, metric = key.rpartition("/")
                    result.setdefault(model, {})[metric] = kept[key].astype(np.float64)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return {}
        return result

    def files(self) -> list[str]:
        """Names of everything in the folder."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": self.name,
            "created": told(self.created),
            "finished": self.finished,
            "seed": self.seed,
            "code": dict(self.code),
            "data_fingerprint": self.data_fingerprint,
            "config": dict(self.config),
            **self.figures,
            "files": self.files(),
        }


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list of runs: the run, or why it cannot be read."""

    name: str
    run: Run | None
    problem: str | None = None


def write_run(
    folder: Path,
    evaluations: Mapping[str, Evaluation],
    *,
    config: Mapping[str, Any],
    data_fingerprint: str,
    seed: int,
    title: str,
    best: str,
    **report: Any,
) -> list[Path]:
    """Write a whole run into `folder`; returns its files. `report`: further arguments of `write_report`.

    `config` must hold no secrets: it is kept as it is.
    """
    files = write_report(folder, evaluations, title=title, best=best, **report)
    values = {
        f"{model}/{metric}": one.per_person[metric].astype(np.float32)
        for model, one in evaluations.items()
        for metric in one.per_person
    }
    np.savez_compressed(folder / PER_PERSON, **values)  # type: ignore[arg-type]
    record = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": code_version(),
        "data_fingerprint": data_fingerprint,
        "seed": seed,
        "config": dict(config),
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    (folder / RUN).write_bytes(orjson.dumps(record, option=options, default=str))
    return [*files, folder / PER_PERSON, folder / RUN]


def read_run(folder: Path) -> Run:
    """One run. NotFoundError when there is none, InputError when its files are damaged."""
    if not folder.is_dir():
        raise NotFoundError(f"there is no run {folder.name}; see: shoplens runs list")
    figures = _read(folder / METRICS)
    if figures is None:
        raise InputError(f"run {folder.name} has no {METRICS}: its training was stopped before it had figures")
    record = _read(folder / RUN)
    finished, record = record is not None, record or {}
    if not isinstance(figures.get("models"), dict) or not all(
        isinstance(one, dict) for one in figures["models"].values()
    ):
        raise InputError(f"run {folder.name}: {METRICS} holds no figures of models")
    seed = record.get("seed")
    return Run(
        name=folder.name,
        folder=folder,
        created=str(record.get("created", "")),
        figures=figures,
        config=_table(record, "config"),
        code=_table(record, "code"),
        data_fingerprint=str(record.get("data_fingerprint", "")),
        seed=seed if isinstance(seed, int) else None,
        finished=finished,
    )


def list_runs(runs: Path) -> list[Listed]:
    """All runs of a workspace, newest first; a damaged one says what is wrong with it and hides no other."""
    if not runs.is_dir():
        return []
    result = []
    for folder in sorted(runs.iterdir(), reverse=True):
        if not folder.is_dir() or folder.name.startswith(NO_RUNS):
            continue
        try:
            result.append(Listed(folder.name, read_run(folder)))
        except (InputError, NotFoundError, OSError) as error:
            result.append(Listed(folder.name, None, str(error)))
    return result


def find_run(runs: Path, name: str) -> Run:
    """By name, by the beginning of a name that only one run has, or "latest" of those that can be read.

    NotFoundError names what there is.
    """
    listed = list_runs(runs)
    names = [one.name for one in listed]
    if not names:
        raise NotFoundError("there is no run yet; train first: shoplens train")
    if name == LATEST:
        return next((one.run for one in listed if one.run is not None), None) or read_run(runs / names[0])
    matches = [name] if name in names else [one for one in names if name and one.startswith(name)]
    if len(matches) == 1:
        return read_run(runs / matches[0])
    if matches:
        raise NotFoundError(f"{name!r} is the beginning of {len(matches)} runs: {', '.join(matches[:5])}")
    raise NotFoundError(f"there is no run {name!r}; the newest are {', '.join(names[:5])}")


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object, None where there is no file."""
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"run {path.parent.name}: {path.name} cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise InputError(f"run {path.parent.name}: {path.name} is not a JSON object")
    return content


def _table(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name)
    return dict(value) if isinstance(value, dict) else {}
