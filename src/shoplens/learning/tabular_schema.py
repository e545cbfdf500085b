"""What the columns of a table are: of the person, of the product or of the row; categories, numbers or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.dataset import Modality
from shoplens.learning.tabular_reading import ITEM, USER
from shoplens.models.fusion.network import ProfileShape
from shoplens.models.fusion.pointwise_rows import Fields

MOST_VALUES = 2_000  # categories of one column that are told apart, frequent ones first; the others are "unknown"
MOST_ONE_HOT = 1_024  # width of the attribute vector of a product, over all its columns
FEW_INTEGERS = 50  # whole numbers with at most so many values are codes: categories lose little, numbers would lie,
ENOUGH = 15  # as long as each value has so many cells to learn from on average
ALMOST = 0.99  # share of the values that must be numbers for the column to be one; the others are missing
ATTRIBUTES = "attributes"  # name of the modality that a product's columns become


@dataclass(frozen=True, slots=True)
class Column:
    """One feature column."""

    name: str
    scope: str  # user, item, row
    kind: str  # category, number
    values: tuple[str, ...] = ()  # of a category, by code; "" = unknown
    mean: float = 0.0  # of a number
    spread: float = 1.0

    def codes(self, text: pl.Series) -> npt.NDArray[np.int64]:
        """Code of each cell, 0 = missing or never seen in training."""
        table = {value: code for code, value in enumerate(self.values) if code}
        if not table:
            return np.zeros(text.len(), np.int64)
        coded = text.replace_strict(table, default=0, return_dtype=pl.Int64)
        return coded.fill_null(0).to_numpy().astype(np.int64)

    def numbers(self, text: pl.Series) -> npt.NDArray[np.float32]:
        """Standardised number of each cell, NaN = missing; extreme ones are cut at five deviations."""
        raw = _numbers(text).to_numpy().astype(np.float64)
        return np.clip((raw - self.mean) / self.spread, -5, 5).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Schema:
    """All feature columns that say anything, in the order of the file."""

    columns: tuple[Column, ...]
    ignored: tuple[tuple[str, str], ...] = ()  # column, why

    @classmethod
    def learn(cls, cells: pl.DataFrame, features: Sequence[str]) -> Self:
        """Look at the training rows."""
        keys = {key: cells[key] for key in (USER, ITEM)}
        columns, ignored = [], []
        for name in features:
            text = cells[name]
            if text.drop_nulls().n_unique() < 2:
                ignored.append(
                    (name, "it has the same value in every row" if text.null_count() < text.len() else "empty")
                )
                continue
            columns.append(_describe(name, text, _scope(text, keys)))
        return cls(tuple(columns), tuple(ignored))

    def of(self, scope: str, kind: str | None = None) -> list[Column]:
        """The columns of a scope, and of a kind."""
        return [one for one in self.columns if one.scope == scope and kind in (None, one.kind)]

    def shape(self, scope: str) -> ProfileShape:
        """How many fields a reader of this scope gets."""
        return ProfileShape(tuple(len(one.values) for one in self.of(scope, "category")), len(self.of(scope, "number")))

    def fields(self, cells: pl.DataFrame, scope: str) -> Fields:
        """The cells of a scope as codes and numbers; a column that the file does not have is missing everywhere."""
        n = cells.height
        nothing = pl.Series([None] * n, dtype=pl.String)
        codes = [
            one.codes(cells[one.name] if one.name in cells.columns else nothing) for one in self.of(scope, "category")
        ]
        numbers = [
            one.numbers(cells[one.name] if one.name in cells.columns else nothing) for one in self.of(scope, "number")
        ]
        return Fields(
            np.stack(codes, 1) if codes else np.zeros((n, 0), np.int64),
            np.stack(numbers, 1) if numbers else np.zeros((n, 0), np.float32),
        )

    def attributes(self, cells: pl.DataFrame) -> Modality | None:
        """The products' columns as one modality, one row of `cells` a product; None when there are none.

        One-hot categories, and for each number itself and whether it is known.
        """
        if not self.of("item"):
            return None
        fields = self.fields(cells, "item")
        parts = []
        categories = self.of("item", "category")
        room = MOST_ONE_HOT // max(len(categories), 1)
        for place, column in enumerate(categories):
            width = min(len(column.values) - 1, room)
            parts.append((fields.codes[:, place, None] == np.arange(1, width + 1)).astype(np.float32))
        known = ~np.isnan(fields.numbers)
        parts += [np.nan_to_num(fields.numbers), known.astype(np.float32)]
        values = np.concatenate(parts, 1)
        return Modality(ATTRIBUTES, values, np.asarray(values.any(1)))

    def told(self) -> list[str]:
        """Sentences about what was decided."""
        names = {"user": "of the person", "item": "of the product", "row": "of the row"}
        lines = []
        for scope, words in names.items():
            found = [
                f"{one.name} ({len(one.values) - 1} categories)" if one.kind == "category" else f"{one.name} (number)"
                for one in self.of(scope)
            ]
            if found:
                lines.append(f"{words}: {', '.join(found)}")
        lines += [f"not used: {name} ({why})" for name, why in self.ignored]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "columns": [{**asdict(one), "values": list(one.values)} for one in self.columns],
            "ignored": [list(pair) for pair in self.ignored],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The reverse of `to_dict`."""
        columns = tuple(Column(**{**one, "values": tuple(one["values"])}) for one in values["columns"])
        return cls(columns, tuple((name, why) for name, why in values["ignored"]))


def _scope(text: pl.Series, keys: dict[str, pl.Series]) -> str:
    """user or item when the column is constant for each, and there is evidence of it; else row."""
    frame = pl.DataFrame({"value": text, **keys}).drop_nulls("value")
    for key, scope in ((USER, "user"), (ITEM, "item")):
        groups = frame.group_by(key).agg(pl.len().alias("n"), pl.col("value").n_unique().alias("values"))
        repeated = groups.filter(pl.col("n") > 1)
        if repeated.height and bool((groups["values"] == 1).all()):
            return scope
    return "row"


def _describe(name: str, text: pl.Series, scope: str) -> Column:
    """Category or number, and what is needed to encode it."""
    there = text.drop_nulls()
    number = _numbers(there)
    real = number.drop_nulls()
    endless = int((there.cast(pl.Float64, strict=False).is_infinite()).sum())  # a division by zero: missing
    if real.len() and real.len() >= ALMOST * (there.len() - endless):
        whole = bool((real == real.round()).all())
        values = real.n_unique()
        if not (whole and values <= FEW_INTEGERS and real.len() >= ENOUGH * values):
            spread = float(real.std() or 0.0)  # type: ignore[arg-type]
            return Column(name, scope, "number", mean=float(real.mean() or 0.0), spread=spread or 1.0)  # type: ignore[arg-type]
    counted = there.value_counts(sort=True)
    frequent = counted.sort(["count", there.name], descending=[True, False])[there.name].to_list()
    return Column(name, scope, "category", ("", *frequent[:MOST_VALUES]))


def _numbers(text: pl.Series) -> pl.Series:
    number = text.cast(pl.Float64, strict=False)
    return number.set((number.is_infinite() | number.is_nan()).fill_null(False), None)
