"""From one CSV of who, what and how it went to a saved model: the smallest path there is.

trained = train_table(Path("recommendation_data.csv"))
trained.model.save(Path("recommendation_model.pt"))
load("recommendation_model.pt").predict({"user_id": ["7"], "item_id": ["42"]})
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError, ConfigurationError, InputError, ShoplensError
from shoplens.learning.tabular_figures import Figures, judge
from shoplens.learning.tabular_reading import ITEM, LABEL, TIME, USER, Scale, Table, read_labels, read_table
from shoplens.learning.tabular_schema import Schema
from shoplens.models.checkpoint import write_state
from shoplens.models.fusion.pointwise import Pointwise
from shoplens.models.fusion.pointwise_config import PointwiseConfig, small_body
from shoplens.models.fusion.pointwise_rows import Rows
from shoplens.models.fusion.pointwise_training import Progress, Steps

FORMAT = "shoplens table model 1"
SHARE = 0.1  # of the rows that validation, and test, get each
LEAST_ROWS = 20  # below this a tenth says nothing at all


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
        profile = self._filled(cells)
        return Rows(
            _places(self.users, cells[USER]),
            _places(self.items, cells[ITEM]) if item is None else item,
            np.zeros(0, np.float32),
            time if self.estimator.past.timed else time[:0],
            self.schema.fields(profile, "user"),
            self.schema.fields(cells, "row"),
        )

    def _filled(self, cells: pl.DataFrame) -> pl.DataFrame:
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
        place = _places(self.items, cells[ITEM])
        fresh = cells.filter(pl.Series(place < 0))
        content = _per(fresh, ITEM, [one.name for one in self.schema.of("item") if one.name in cells.columns])
        if not content.height:
            return place, None
        modality = self.schema.attributes(content)
        vectors = self.estimator.encode_items(() if modality is None else (modality,), content.height)
        later = Vocabulary(content[ITEM].to_list())
        return np.where(place < 0, _places(later, cells[ITEM]) + len(self.items), place), vectors

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


@dataclass(frozen=True, slots=True)
class TableTraining:
    """What a training on a table did."""

    model: TableModel
    history: list[dict[str, float]]  # one entry an epoch
    test: Figures
    facts: Mapping[str, Any]  # about the data: rows, refused, people, split, …
    notes: Sequence[str]  # sentences for the reader
    seconds: float

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept."""
        return 1 + min(range(len(self.history)), key=lambda place: self.history[place]["valid_loss"])


def train_table(
    path: Path,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float | None = None,
    loss: str | None = None,
    optimiser: str = "adam",
    history: str = "auto",
    seed: int = 0,
    patience: int = 0,
    refused: Path | None = None,
    checkpoint: Path | None = None,
    say: Callable[[str], None] = lambda _line: None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> TableTraining:
    """Read, split, learn, and judge on rows that were kept aside. InputError when the file cannot be learnt from.

    `loss`: bce, mse or bpr; None: bce for yes and no, mse for ratings. `refused`: file that gets a line for every row
    left out. `say` hears what was found and decided, `progress` every epoch, `steps` how far it is.
    """
    began = time.perf_counter()
    table, label, scale = read_labels(read_table(path, report=refused))
    config = PointwiseConfig(
        body=replace(small_body(), history=history),
        loss=loss or ("mse" if scale.rating else "bce"),
        optimiser=optimiser,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        patience=patience,
        seed=seed,
    )
    if len(table) < LEAST_ROWS:
        raise InputError(
            f"{path}: {len(table)} usable rows are too few to learn from and to test on; give {LEAST_ROWS}"
        )
    parts, sentence = _split(table, seed)
    if np.bincount(parts, minlength=3).min() == 0:
        raise InputError(f"{path}: the rows are about fewer than three pairs of a person and a product; give more")
    train = table.keep(parts == 0)
    if np.ptp(label[parts == 0]) == 0:
        raise InputError(f"{path}: all rows of the training part have one label; {sentence}")
    schema = Schema.learn(train.cells, train.features)
    model = _blank(config, schema, train, scale, progress, steps, checkpoint)
    facts = _facts(table, label, parts, scale, sentence)
    for line in _opening(facts, schema, table, config):
        say(line)
    say(_constant(label[parts == 0], label[parts == 1], scale))
    train_rows, valid_rows, test_rows = (_labelled(model, table, label, parts == part) for part in range(3))
    modality = schema.attributes(_catalogue(model, train.cells))
    model.estimator.fit(
        train_rows,
        valid_rows,
        n_users=len(model.users),
        n_items=len(model.items),
        modalities=() if modality is None else (modality,),
        profile=schema.shape("user"),
        context=schema.shape("row"),
        rating=scale.rating,
    )
    estimator = model.estimator
    estimator.remember(_known(valid_rows))  # before the test they had happened
    answered = model.predict(table.keep(parts == 2))
    if not np.isfinite(answered).all():
        raise ConfigurationError(
            f"learning went astray: at learning rate {config.rate:g} the weights are no numbers any more; give a "
            "smaller one, for example --learning-rate 0.001"
        )
    figures = judge(
        test_rows, np.asarray(scale.squeeze(answered)), estimator.past, scale, float(train_rows.label.mean()), seed
    )
    estimator.remember(_known(test_rows))  # the model that is kept knows everything that the file says
    return TableTraining(model, estimator.history, figures, facts, schema.told(), time.perf_counter() - began)


def _blank(
    config: PointwiseConfig,
    schema: Schema,
    train: Table,
    scale: Scale,
    progress: Progress | None,
    steps: Steps | None,
    checkpoint: Path | None,
) -> TableModel:
    """The model before it has learnt."""
    users, items = (Vocabulary(train.cells[key].unique(maintain_order=True).to_list()) for key in (USER, ITEM))
    profiles = _per(train.cells, USER, [one.name for one in schema.of("user")])
    estimator = Pointwise(config, progress=progress, steps=steps, checkpoint=checkpoint)
    return TableModel(estimator, schema, users, items, scale, profiles)


def _labelled(model: TableModel, table: Table, label: npt.NDArray[np.float32], chosen: npt.NDArray[np.bool_]) -> Rows:
    """A part of the table with its labels; products that training does not know are -1."""
    part = table.keep(chosen)
    filled = model._filled(part.cells)
    return Rows(
        _places(model.users, part.cells[USER]),
        _places(model.items, part.cells[ITEM]),
        label[chosen],
        part.time,
        model.schema.fields(filled, "user"),
        model.schema.fields(part.cells, "row"),
    )


def _known(rows: Rows) -> Rows:
    """The rows about people and products in the vocabularies."""
    return rows.take((rows.user >= 0) & (rows.item >= 0))


def _split(table: Table, seed: int) -> tuple[npt.NDArray[np.int64], str]:
    """0 = training, 1 = validation, 2 = test, for each row, and a sentence: by time, where there is one."""
    part = np.zeros(len(table), np.int64)
    if len(table.time):
        cuts = np.quantile(table.time, (1 - 2 * SHARE, 1 - SHARE), method="higher")
        part = (table.time >= cuts[0]).astype(np.int64) + (table.time >= cuts[1])
        if len(np.unique(part)) == 3:
            first, second = (datetime.fromtimestamp(int(cut) / 1e6, UTC) for cut in cuts)
            return part, f"split in time: validation from {first:%Y-%m-%d %H:%M}, test from {second:%Y-%m-%d %H:%M}"
    # All rows of a person about a product go together: a repeated row would be its own answer.
    pairs = table.cells.with_row_index("row").group_by(USER, ITEM, maintain_order=True).agg("row")["row"]
    order = np.random.default_rng([seed, 7]).permutation(len(pairs))
    n = max(1, int(SHARE * len(pairs)))
    of_pair = np.zeros(len(pairs), np.int64)
    of_pair[order[:n]], of_pair[order[n : 2 * n]] = 2, 1
    part = np.zeros(len(table), np.int64)
    part[pairs.explode().to_numpy()] = np.repeat(of_pair, pairs.list.len().to_numpy())
    why = "the times do not allow three parts" if len(table.time) else "there is no timestamp column"
    return part, (
        f"WARNING: {why}, so the split is random. If the rows have an order in time, the figures are better than they "
        "will be in use; add a timestamp column"
    )


def _facts(
    table: Table, label: npt.NDArray[np.float32], parts: npt.NDArray[np.int64], scale: Scale, sentence: str
) -> dict[str, Any]:
    """What a reader wants to know about the data."""
    counts = np.bincount(parts, minlength=3).tolist()
    mean = float(scale.stretch(np.asarray([label.mean()], np.float32))[0])
    return {
        "rows": len(table),
        "refused": table.report.refused,
        "refused_because": table.report.summary()["reasons"],
        "copies": table.cells.height - table.cells.n_unique(),
        "people": table.cells[USER].n_unique(),
        "products": table.cells[ITEM].n_unique(),
        "labels": f"ratings from {scale.low:g} to {scale.high:g}, mean {mean:.2f}"
        if scale.rating
        else f"0 and 1, {mean:.1%} are 1",
        "train": counts[0],
        "validation": counts[1],
        "test": counts[2],
        "split": sentence,
    }


def _opening(facts: Mapping[str, Any], schema: Schema, table: Table, config: PointwiseConfig) -> list[str]:
    """What is said before the first epoch."""
    lines = [
        f"{facts['rows']:,} rows of {facts['people']:,} people and {facts['products']:,} products; "
        f"labels: {facts['labels']}"
    ]
    for reason, count in facts["refused_because"].items():
        example = next(one for one in table.report.summary()["examples"] if one["reason"] == reason)
        lines.append(f"refused: {count:,} × {reason} (for example line {example['line']})")
    if facts["copies"]:
        lines.append(f"{facts['copies']:,} rows are exact copies of others; they count again")
    lines += schema.told()
    lines.append(facts["split"])
    if config.body.sequential and not len(table.time):
        lines.append(
            f"WARNING: {config.body.history} reads an order, and without timestamps there is none; mlp does as well"
        )
    lines.append(
        f"{config.epochs} epochs, batch {config.batch_size}, loss {config.loss}, {config.optimiser}, "
        f"learning rate {config.rate:g}; {facts['train']:,} / {facts['validation']:,} / {facts['test']:,} rows to "
        "learn, to choose the epoch, to test"
    )
    return lines


def _constant(train: npt.NDArray[np.float32], valid: npt.NDArray[np.float32], scale: Scale) -> str:
    """What the epochs have to be compared with: the answer that needs no model."""
    rate = float(train.mean())
    if scale.rating:
        error = float(np.sqrt(np.square(valid - rate).mean()))
        return f"to beat on validation: always the mean has RMSE {error:.4f} (on ratings scaled to 0 to 1)"
    accuracy = float(((valid > 0.5) == (rate > 0.5)).mean())
    chance = np.where(valid > 0.5, rate, 1 - rate)
    return f"to beat on validation: always the base rate has loss {-np.log(chance).mean():.4f}, accuracy {accuracy:.4f}"


def _catalogue(model: TableModel, cells: pl.DataFrame) -> pl.DataFrame:
    """The products' columns in the order of the vocabulary."""
    return _per(cells, ITEM, [one.name for one in model.schema.of("item")])


def _per(cells: pl.DataFrame, key: str, names: Sequence[str]) -> pl.DataFrame:
    """One row a key, in order of appearance: the first known value of each column."""
    return cells.group_by(key, maintain_order=True).agg(pl.col(name).drop_nulls().first() for name in names)


def _places(vocabulary: Vocabulary, ids: pl.Series) -> npt.NDArray[np.int64]:
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
