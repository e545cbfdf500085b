"""From one CSV of who, what and how it went to a saved model: the smallest path there is.

trained = train_table(Path("recommendation_data.csv"))
trained.model.save(Path("recommendation_model.pt"))  # opened again by `tabular.load`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import ConfigurationError, InputError
from shoplens.learning.tabular import TableModel, by_key, places_of
from shoplens.learning.tabular_figures import Figures, judge
from shoplens.learning.tabular_reading import ITEM, USER, Scale, Table, read_labels, read_table
from shoplens.learning.tabular_schema import Schema
from shoplens.models.fusion.pointwise import Pointwise
from shoplens.models.fusion.pointwise_config import PointwiseConfig, small_body
from shoplens.models.fusion.pointwise_rows import Rows
from shoplens.models.fusion.pointwise_training import Progress, Steps

SHARE = 0.1  # of the rows that validation, and test, get each
LEAST_ROWS = 20  # below this a tenth says nothing at all


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
    profiles = by_key(train.cells, USER, [one.name for one in schema.of("user")])
    estimator = Pointwise(config, progress=progress, steps=steps, checkpoint=checkpoint)
    return TableModel(estimator, schema, users, items, scale, profiles)


def _labelled(model: TableModel, table: Table, label: npt.NDArray[np.float32], chosen: npt.NDArray[np.bool_]) -> Rows:
    """A part of the table with its labels; products that training does not know are -1."""
    part = table.keep(chosen)
    filled = model.filled(part.cells)
    return Rows(
        places_of(model.users, part.cells[USER]),
        places_of(model.items, part.cells[ITEM]),
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
    return by_key(cells, ITEM, [one.name for one in model.schema.of("item")])
