"""What `shoplens train --csv` saves: an estimator, and all that turns cells into its inputs and answers into labels.

load("recommendation_model.pt").predict({"user_id": ["7"], "item_id": ["42"]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError, InputError, ShoplensError
from shoplens.learning.tabular_reading import ITEM, LABEL, TIME, USER, Scale, Table
from shoplens.learning.tabular_schema import Schema
from shoplens.models.checkpoint import write_state
from shoplens.models.fusion.pointwise import Pointwise
from shoplens.models.fusion.pointwise_rows import Rows

FORMAT = "shoplens table model 1"


@dataclass(slots=True)
class TableModel:
    """A pointwise estimator with all that turns cells into its inputs and its answers into labels."""

    estimator: Pointwise
    schema: Schema
    users: Vocabulary
    items: Vocabulary
    scale: Scale
    profiles: pl.DataFrame  # USER and the person's columns, one row a person, as text

    def predict(self, rows: Table | pl.DataFrame | Mapping[str, Sequence[Any]]) -> npt.NDArray[np.float64]:
        """Probability in [0, 1], or rating on the scale of the file, of each row. [n].

        `rows` need user_id and item_id; feature columns are read where they are there, and a person's stored ones
        otherwise. People and products that were not in training are judged by their columns. InputError without the
        two columns.
        """
        cells, moments = _cells(rows)
        given, newcomers = self._newcomers(cells)
        inputs = self._rows(cells, moments, given)
        return self.scale.stretch(self.estimator.predict(inputs, newcomers))

    def _rows(self, cells: pl.DataFrame, time: npt.NDArray[np.int64], item: npt.NDArray[np.int64] | None) -> Rows:
        """Cells as the estimator reads them, without labels."""
        profile = self.filled(cells)
        return Rows(
            places_of(self.users, cells[USER]),
            places_of(self.items, cells[ITEM]) if item is None else item,
            np.zeros(0, np.float32),
            time if self.estimator.past.timed else time[:0],
            self.schema.fields(profile, "user"),
            self.schema.fields(cells, "row"),
        )

    def filled(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The person's columns: those of the row, where missing those that training knew."""
        names = [one.name for one in self.schema.of("user")]
        if not names:
            return cells.select(USER)
        left = cells.select(USER, *(name for name in names if name in cells.columns))
        known = left.join(self.profiles, on=USER, how="left", suffix=" known", maintain_order="left")
        return known.select(
            pl.coalesce(name, f"{name} known").alias(name) if name in cells.columns else pl.col(name) for name in names
        )

    def _newcomers(self, cells: pl.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]:
        """Row of each product, the new ones behind the known, and the vectors of the new ones."""
        place = places_of(self.items, cells[ITEM])
        fresh = cells.filter(pl.Series(place < 0))
        content = by_key(fresh, ITEM, [one.name for one in self.schema.of("item") if one.name in cells.columns])
        if not content.height:
            return place, None
        modality = self.schema.attributes(content)
        vectors = self.estimator.encode_items(() if modality is None else (modality,), content.height)
        later = Vocabulary(content[ITEM].to_list())
        return np.where(place < 0, places_of(later, cells[ITEM]) + len(self.items), place), vectors

    def save(self, path: Path) -> None:
        """Write one file that `load`, and `torch.load(path, weights_only=True)`, can read."""
        state = {
            "format": FORMAT,
            "estimator": self.estimator.state(),
            "schema": self.schema.to_dict(),
            "users": list(self.users.ids),
            "items": list(self.items.ids),
            "scale": [self.scale.rating, self.scale.low, self.scale.high],
            "profiles": {name: self.profiles[name].to_list() for name in self.profiles.columns},
        }
        write_state(path, state)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; BundleError when it is something else."""
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; train one first: shoplens train --csv FILE")
        try:
            state = torch.load(path, weights_only=True, map_location="cpu")
            if state["format"] != FORMAT:
                raise BundleError(f"{path} is {state['format']!r}, this version reads {FORMAT!r}")
            profiles = pl.DataFrame(state["profiles"], schema=dict.fromkeys(state["profiles"], pl.String))
            return cls(
                Pointwise.from_state(state["estimator"]),
                Schema.from_dict(state["schema"]),
                Vocabulary(state["users"]),
                Vocabulary(state["items"]),
                Scale(*state["scale"]),
                profiles,
            )
        except ShoplensError:
            raise
        except Exception as error:  # a damaged file fails in many ways inside torch's reader
            raise BundleError(
                f"{path} is no model that `shoplens train --csv` wrote, or it is damaged "
                f"({type(error).__name__}: {error}); train it again"
            ) from error


def load(path: str | Path) -> TableModel:
    """The model in a file that `shoplens train --csv` wrote."""
    return TableModel.load(Path(path))


def by_key(cells: pl.DataFrame, key: str, names: Sequence[str]) -> pl.DataFrame:
    """One row a key, in order of appearance: the first known value of each column."""
    return cells.group_by(key, maintain_order=True).agg(pl.col(name).drop_nulls().first() for name in names)


def places_of(vocabulary: Vocabulary, ids: pl.Series) -> npt.NDArray[np.int64]:
    """Row of each id, -1 = unknown."""
    return np.asarray(vocabulary.rows(ids.to_list()), np.int64)


def _cells(
    rows: Table | pl.DataFrame | Mapping[str, Sequence[Any]],
) -> tuple[pl.DataFrame, npt.NDArray[np.int64]]:
    """Cells as text, and times; both as a file would have given them."""
    from shoplens.ingest.events.times import parse_times

    if isinstance(rows, Table):
        return rows.cells, rows.time
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(dict(rows), strict=False)
    missing = [name for name in (USER, ITEM) if name not in frame.columns]
    if missing:
        raise InputError(f"there is no column {missing[0]!r}; each row needs user_id and item_id")
    cells = frame.select(pl.all().cast(pl.String)).drop(LABEL, strict=False)
    moments = np.zeros(0, np.int64)
    if TIME in frame.columns:
        values = parse_times(frame[TIME]).values
        if values.null_count():
            raise InputError(f"timestamp: {values.null_count()} values are no time that can be read")
        moments = values.to_numpy().astype(np.int64)
    return cells, moments
