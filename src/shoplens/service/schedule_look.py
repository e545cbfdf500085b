"""What `shoplens schedule` saw at its latest look, for the servers beside it: `bundles/schedule.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from shoplens.files import replaced

FILE = "schedule.json"


@dataclass(frozen=True, slots=True)
class Look:
    """One look."""

    at: float  # seconds since 1970
    bundle: str | None = None  # whose answers the figures are about
    answers: int = 0  # that were looked at since it began, or since the latest change
    click_through: float | None = None  # of the newest of them, as many as nothing changed in
    drifted: str | None = None  # what changed, in a sentence; until the next training


def write(bundles: Path, look: Look) -> None:
    """In the place of the look before."""
    bundles.mkdir(parents=True, exist_ok=True)
    with replaced(bundles / FILE) as stream:
        stream.write(orjson.dumps(asdict(look)))


def read(bundles: Path) -> Look | None:
    """The latest one; None when nothing looks after the bundles, or the file cannot be read."""
    try:
        return Look(**orjson.loads((bundles / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
