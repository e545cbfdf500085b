"""A benchmark folder: train.csv, valid.csv and whatever content it has, as training data and holdouts.

    train.csv, valid.csv    user_id,item_id[,rating][,timestamp]
    features/MODALITY.npy   one row a product, row = item_id (optional)
    items.csv               item_id and any of title, description, attributes (with |), image (path) (optional)
    users.csv               user_id and any fields (optional)
    protocol.json           {"mask": ["train"], "history": ["train"]} (optional)

A rating is read on a scale of 1 to 5 (larger scales are shrunk to it); below 3 a product is not relevant. Timestamps
are seconds, milli-, micro- or nanoseconds since 1970, or ISO 8601; smaller numbers are positions: they order, but have
no age.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.dataset import Interactions, Modality, Profiles, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import FormatError, InputError
from shoplens.learning.benchmark_content import Progress, feature_rows, read_content, read_items, read_texts
from shoplens.learning.holdout import Holdout, build_holdout
from shoplens.learning.split import join

#: A number of this size or more → microseconds per unit: nano-, micro-, milliseconds, seconds (1973 or later).
UNITS = ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3), (1e8, 1e6))
WEAK_PREFERENCE = 0.1  # weight of 3 stars of 5: wanted, if barely
MANY_VALUES = 50  # a numeric field of people with more distinct values is a measure, with fewer a code


@dataclass(frozen=True, slots=True)
class Protocol:
    """Which parts are masked, and which are read as history, when test is ranked."""

    mask: tuple[str, ...]
    history: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One folder, read. All parts share their vocabularies; `test` is empty unless a file was named."""

    name: str
    train: Interactions
    valid: Interactions
    test: Interactions
    protocol: Protocol
    modalities: tuple[Modality, ...]
    profiles: Profiles | None
    texts: tuple[str, ...] | None = None  # title, tags and description of each product; None without or left out

    @property
    def refits(self) -> bool:
        """Whether the model that is judged on test may learn from valid too: when valid is history of test."""
        return "valid" in self.protocol.history

    def training(self, *, with_valid: bool = False) -> TrainingData:
        """What to learn from."""
        part = join(self.train, self.valid) if with_valid else self.train
        return TrainingData(part, self.modalities, self.profiles, self.texts)

    def valid_holdout(self) -> Holdout:
        """Ranking for valid: train is history and mask."""
        masked = self.train if "train" in self.protocol.mask else None
        return build_holdout(self.valid, history=self.train, trained_on=self.train, mask=masked)

    def test_holdout(self) -> Holdout:
        """Ranking for test, with the history and mask of the protocol."""
        parts = {"train": self.train, "valid": self.valid}
        mask = [parts[name] for name in ("train", "valid") if name in self.protocol.mask]
        history = [parts[name] for name in ("train", "valid") if name in self.protocol.history]
        nothing = self.train.take(np.zeros(len(self.train), np.bool_))
        return build_holdout(
            self.test,
            history=_joined(history) or nothing,
            trained_on=join(self.train, self.valid) if self.refits else self.train,
            mask=_joined(mask),
        )


def read_benchmark(
    folder: Path,
    *,
    test: Path | None = None,
    cache: Path,
    without: Sequence[str] = (),
    progress: Progress | None = None,
) -> Benchmark:
    """Read a folder. InputError says which file or column is missing or wrong.

    The catalogue is everything that the folder itself mentions; test products that it does not mention get rows beyond
    the catalogue (they count as misses), so that reading a test file changes nothing that is learnt from. `cache` keeps
    vectors of texts and photos; `without` leaves modalities out (InputError for an unknown one).
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; a benchmark folder holds train.csv and valid.csv")
    tables = {"train": _read_events(folder / "train.csv"), "valid": _read_events(folder / "valid.csv")}
    if test is not None:
        tables["test"] = _read_events(test)
    described = read_items(folder)
    people = _read_table(folder / "users.csv", ["user_id"]) if (folder / "users.csv").exists() else None
    rows = feature_rows(folder)
    item_ids: list[str] = [*tables["train"]["item_id"], *tables["valid"]["item_id"], *map(str, range(rows))]
    item_ids += described["item_id"].to_list() if described is not None else []
    user_ids: list[str] = [*tables["train"]["user_id"], *tables["valid"]["user_id"]]
    user_ids += people["user_id"].to_list() if people is not None else []
    known_items, known_users = _ordered(item_ids), _ordered(user_ids)
    items = Vocabulary(known_items)
    every_item, every_user = list(known_items), list(known_users)
    if test is not None:
        every_item += _ordered(name for name in tables["test"]["item_id"] if name not in items)
        users = Vocabulary(known_users)
        every_user += _ordered(name for name in tables["test"]["user_id"] if name not in users)
    parts = _interactions(tables, Vocabulary(every_user), items, Vocabulary(every_item))
    timed_or_placed = "timestamp" in tables["train"].columns
    return Benchmark(
        name=folder.resolve().name,
        train=parts["train"],
        valid=parts["valid"],
        test=parts.get("test") or parts["valid"].take(np.zeros(len(parts["valid"]), np.bool_)),
        protocol=_read_protocol(folder / "protocol.json", timed_or_placed),
        modalities=read_content(folder, items, described, cache=cache, without=without, progress=progress),
        profiles=_profiles(people, Vocabulary(every_user)) if people is not None else None,
        texts=None if "text" in without else read_texts(items, described),
    )


def _interactions(
    tables: Mapping[str, pl.DataFrame], users: Vocabulary, items: Vocabulary, every_item: Vocabulary
) -> dict[str, Interactions]:
    """Arrays of each part. The vocabulary of items is the catalogue; rows of test may lie beyond it."""
    moments, timed = _timestamps(tables)
    ratings = [table["rating"] for table in tables.values() if "rating" in table.columns]
    top_rating = max((_numbers(rating, "rating").max(initial=0.0) for rating in ratings), default=0.0)
    result = {}
    for name, table in tables.items():
        weight = np.ones(len(table), np.float32)
        if "rating" in table.columns:
            weight = _preference(_numbers(table["rating"], f"{name}.csv: rating"), float(top_rating))
        result[name] = Interactions(
            users,
            items,
            users.rows(table["user_id"].to_list()).astype(np.int32),
            every_item.rows(table["item_id"].to_list()).astype(np.int32),
            weight,
            moments[name],
            timed,
        )
    return result


def _timestamps(tables: Mapping[str, pl.DataFrame]) -> tuple[dict[str, npt.NDArray[np.int64]], bool]:
    """Microseconds (True) or positions (False) of each part, comparable between the parts."""
    result: dict[str, npt.NDArray[np.int64]] = {}
    if "timestamp" not in tables["train"].columns:
        start = 0
        for name, table in tables.items():  # files follow one another: train, valid, test
            result[name] = np.arange(start, start + len(table), dtype=np.int64)
            start += len(table)
        return result, False
    raw = {name: _moments(table, name) for name, table in tables.items() if "timestamp" in table.columns}
    largest = max(float(np.abs(values).max(initial=0)) for values in raw.values())
    unit = next((unit for least, unit in UNITS if largest >= least), None)
    latest = 0
    for name, table in tables.items():
        if name in raw:
            result[name] = np.rint(raw[name] * (1.0 if unit is None else unit)).astype(np.int64)
        else:
            result[name] = np.full(len(table), latest + 1, np.int64)  # a part without times comes after the others
        latest = max(latest, int(result[name].max(initial=0)))
    return result, unit is not None


def _moments(table: pl.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """The timestamp column as numbers, in whatever unit; ISO 8601 texts become microseconds."""
    column = table["timestamp"]
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() == 0:
        return numbers.to_numpy()
    try:
        times = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=True)
    except pl.exceptions.PolarsError as error:
        raise FormatError(f"{name}.csv: timestamps must be numbers or ISO 8601 throughout") from error
    return times.dt.epoch("us").cast(pl.Float64).to_numpy()


def _preference(rating: npt.NDArray[np.float64], top: float) -> npt.NDArray[np.float32]:
    """Stars to preferences in [-1, 1], like event weights; 3 of 5 is barely wanted, 0-or-1 columns are kept."""
    if top <= 1:
        return rating.astype(np.float32)
    stars = rating * (5.0 / top) if top > 5 else rating
    centred = np.clip((stars - 3) / 2, -1, 1)
    return np.where(stars >= 3, np.maximum(centred, WEAK_PREFERENCE), centred).astype(np.float32)


def _read_events(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise InputError(f"{path} is missing; it needs the columns user_id,item_id and may have rating,timestamp")
    table = _read_table(path, ["user_id", "item_id"])
    if not len(table):
        raise InputError(f"{path} holds no events")
    return table


def _read_table(path: Path, required: Sequence[str]) -> pl.DataFrame:
    """A CSV file with all columns as texts, `required` without gaps."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise FormatError(f"{path} cannot be read as CSV: {error}") from error
    table = table.rename({name: name.strip().lower() for name in table.columns})
    for name in required:
        if name not in table.columns:
            raise FormatError(f"{path} has no column {name}; it has: {', '.join(table.columns)}")
        gaps = table[name].is_null() | (table[name].str.strip_chars() == "")
        if gaps.any():
            raise FormatError(f"{path}, line {int(gaps.arg_max() or 0) + 2}: {name} is empty")
    return table.with_columns(pl.col(name).str.strip_chars() for name in required)


def _numbers(column: pl.Series, where: str) -> npt.NDArray[np.float64]:
    try:
        values = column.cast(pl.Float64, strict=True).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise FormatError(f"{where} must be a number in every row") from error
    if np.isnan(values).any():
        raise FormatError(f"{where} is empty in some row")
    return values


def _read_protocol(path: Path, has_order: bool) -> Protocol:
    """protocol.json, or the default: with timestamps all that came earlier, without them train."""
    default = ("train", "valid") if has_order else ("train",)
    if not path.exists():
        return Protocol(default, default)
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    chosen = []
    for name in ("mask", "history"):
        parts = content.get(name, default) if isinstance(content, dict) else None
        if not isinstance(parts, list | tuple) or not set(parts) <= {"train", "valid"}:
            raise FormatError(f'{path}: "{name}" must be a list of "train" and "valid", like {{"{name}": ["train"]}}')
        chosen.append(tuple(parts))
    return Protocol(*chosen)


def _profiles(people: pl.DataFrame, users: Vocabulary) -> Profiles | None:
    """Fields of users.csv: numbers with many values are measures, everything else is categories."""
    rows = users.rows(people["user_id"].to_list())
    categorical: dict[str, npt.NDArray[np.int32]] = {}
    categories: dict[str, list[str]] = {}
    numeric: dict[str, npt.NDArray[np.float32]] = {}
    for name in people.columns:
        if name == "user_id":
            continue
        column = people[name].str.strip_chars().replace("", None)
        numbers = column.cast(pl.Float64, strict=False)
        if numbers.null_count() == column.null_count() and numbers.n_unique() > MANY_VALUES:
            numeric[name] = np.full(len(users), np.nan, np.float32)
            numeric[name][rows] = numbers.fill_null(float("nan")).to_numpy()
        elif column.null_count() < len(column):
            values = sorted(column.drop_nulls().unique().to_list())
            code = {value: number for number, value in enumerate(values, start=1)}
            categorical[name] = np.zeros(len(users), np.int32)
            categorical[name][rows] = [code.get(value, 0) for value in column.to_list()]
            categories[name] = ["", *values]
    return Profiles(categorical, categories, numeric) if categorical or numeric else None


def _ordered(names: Iterable[str]) -> list[str]:
    """Distinct ids, numerically when all are whole numbers (so that rows are ids when these count from 0)."""
    distinct = set(names)
    if all(name.isdecimal() and str(int(name)) == name for name in distinct):
        return sorted(distinct, key=int)
    return sorted(distinct)


def _joined(parts: Sequence[Interactions]) -> Interactions | None:
    return None if not parts else parts[0] if len(parts) == 1 else join(parts[0], parts[1])
