"""From one CSV to a model: what columns are, what is refused, what is said, and that the file answers again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
import torch

from shoplens.errors import BundleError, ConfigurationError, FormatError, InputError
from shoplens.learning.tabular import load
from shoplens.learning.tabular_reading import read_labels, read_table
from shoplens.learning.tabular_report import write_table_report
from shoplens.learning.tabular_schema import Schema
from shoplens.learning.tabular_training import TableTraining, train_table

QUICK: dict[str, Any] = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01}


def _frame(n: int = 900, *, rating: bool = False, timed: bool = False) -> pl.DataFrame:
    """Region and category decide; age, price and hour are there too, some cells missing."""
    random = np.random.default_rng(0)
    user, item = random.integers(0, 50, n), random.integers(0, 30, n)
    same = (user % 3) == (item % 3)
    chance = np.where(same, 0.85, 0.15)
    label = (random.random(n) < chance).astype(int) if not rating else np.where(same, 4, 2) + random.integers(-1, 2, n)
    columns: dict[str, Any] = {
        "user_id": [f"u{one}" for one in user],
        "item_id": [f"i{one}" for one in item],
        "label": label,
        "region": [f"r{one % 3}" if place % 9 else "" for place, one in enumerate(user)],
        "age": 20.5 + user,
        "category": [f"c{one % 3}" for one in item],
        "price": [f"{one * 1.25:.2f}" for one in item],
        "hour": random.integers(0, 24, n),
        "shop": ["one"] * n,
    }
    if timed:
        columns["timestamp"] = 1_700_000_000 + 3_600 * np.arange(n)
    return pl.DataFrame(columns)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[pl.DataFrame], Path]:
    def put(frame: pl.DataFrame) -> Path:
        frame.write_csv(tmp_path / "data.csv")
        return tmp_path / "data.csv"

    return put


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[TableTraining, list[str]]:
    file = tmp_path_factory.mktemp("table") / "data.csv"
    _frame(timed=True).write_csv(file)
    said: list[str] = []
    return train_table(file, say=said.append, **QUICK), said


def test_it_beats_the_base_rate_and_says_what_it_found(trained: tuple[TableTraining, list[str]]) -> None:
    done, said = trained
    model, popular, base = done.test.rows.values()
    assert (model["AUC"] or 0) > 0.7
    assert (model["AUC"] or 0) > (popular["AUC"] or 0)
    assert (model["log-loss"] or 9) < (base["log-loss"] or 0)
    text = "\n".join(said)
    assert "of the person: region (3 categories), age (number)" in text
    assert "of the product: category (3 categories), price (number)" in text
    assert "of the row: hour (24 categories)" in text
    assert "not used: shop" in text
    assert "split in time" in text
    assert "WARNING" not in text
    assert "to beat on validation" in text
    assert (done.facts["train"], done.facts["validation"], done.facts["test"]) == (720, 90, 90)


def test_the_file_answers_as_the_model_did(trained: tuple[TableTraining, list[str]], tmp_path: Path) -> None:
    done, _ = trained
    file = tmp_path / "recommendation_model.pt"
    done.model.save(file)
    assert torch.load(file, weights_only=True)["format"]
    asked = _frame(20, timed=True)
    before, after = done.model.predict(asked), load(file).predict(asked)
    assert (before == after).all()
    assert ((after >= 0) & (after <= 1)).all()


def test_unknown_people_and_products_are_judged_by_their_columns(trained: tuple[TableTraining, list[str]]) -> None:
    done, _ = trained
    new = {"user_id": ["x"] * 2, "item_id": ["y", "z"], "region": ["r1"] * 2, "category": ["c1", "c2"]}
    fits, does_not = done.model.predict(new)
    assert fits > does_not + 0.2
    alone = done.model.predict({"user_id": ["nobody"], "item_id": ["nothing"]})  # no columns at all
    assert 0 < alone[0] < 1
    with pytest.raises(InputError, match="item_id"):
        done.model.predict({"user_id": ["x"]})


def test_the_stored_columns_of_a_person_are_read_where_the_row_has_none(
    trained: tuple[TableTraining, list[str]],
) -> None:
    done, _ = trained
    bare = {"user_id": ["u1"], "item_id": ["i1"]}
    full: dict[str, list[Any]] = {**bare, "region": ["r1"], "age": [21.5]}
    assert done.model.predict(bare) == pytest.approx(done.model.predict(full), abs=1e-6)


def test_ratings_are_learnt_with_the_mean_square(write: Callable[[pl.DataFrame], Path]) -> None:
    done = train_table(write(_frame(rating=True)), **QUICK)
    assert done.model.estimator.config.loss == "mse"
    model, _, base = done.test.rows.values()
    assert (model["RMSE"] or 9) < (base["RMSE"] or 0)
    answer = done.model.predict(_frame(50))
    assert ((answer >= 1) & (answer <= 5)).all()
    assert answer.max() > 3
    with pytest.raises(ConfigurationError, match="ratings"):
        train_table(write(_frame(rating=True)), loss="bce", **QUICK)


def test_words_are_labels_and_a_random_split_is_warned_of(write: Callable[[pl.DataFrame], Path]) -> None:
    frame = _frame().with_columns(
        pl.when(pl.col("label") == 1).then(pl.lit("Yes")).otherwise(pl.lit("no")).alias("label")
    )
    said: list[str] = []
    done = train_table(write(frame), say=said.append, epochs=1, batch_size=256)
    assert not done.model.scale.rating
    assert any(line.startswith("WARNING") and "random" in line for line in said)


def test_rows_that_cannot_be_used_are_refused_with_their_line(write: Callable[[pl.DataFrame], Path]) -> None:
    file = write(_frame(60, timed=True))
    with file.open("a") as out:
        out.write("u1,,1,,,,,,one,1700000000\n")  # line 62
        out.write("u1,i1,maybe,,,,,,one,1700000000\n")
        out.write("u1,i1,1,,,,,,one,yesterday\n")
        out.write("u1,i1,1\n")
    report = file.with_name("refused.jsonl")
    table, label, _ = read_labels(read_table(file, report=report))
    assert len(table) == len(label) == 60
    assert table.report.refused == 4
    lines = {one["line"]: one["reason"] for one in map(orjson.loads, report.read_bytes().splitlines())}
    assert sorted(lines) == [62, 63, 64, 65]
    assert "item_id" in lines[62]
    assert "label" in lines[63]
    assert "timestamp" in lines[64]


def test_files_that_cannot_be_learnt_from_say_why(tmp_path: Path, write: Callable[[pl.DataFrame], Path]) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("")
    with pytest.raises(FormatError, match="empty"):
        train_table(file)
    file.write_text("user_id,item_id,label\n")
    with pytest.raises(FormatError, match="no row"):
        train_table(file)
    with pytest.raises(FormatError, match=r"no column 'label'.*user_id"):
        train_table(write(_frame().drop("label")))
    with pytest.raises(InputError, match=r"all 900 labels are 1.*shown and not chosen"):
        train_table(write(_frame().with_columns(label=pl.lit(1))))
    with pytest.raises(InputError, match="too few"):
        train_table(write(_frame(12)))
    with pytest.raises(InputError, match="no such file"):
        train_table(tmp_path / "nowhere.csv")
    with pytest.raises(BundleError, match="no model"):
        load(write(_frame(5)))


def test_codes_are_categories_and_a_few_odd_cells_do_not_make_a_number_a_text() -> None:
    cells = pl.DataFrame(
        {
            "user_id": [f"u{place % 100}" for place in range(300)],
            "item_id": [f"i{place % 7}" for place in range(300)],
            "month": [str(place % 12) for place in range(300)],
            "price": ["?!" if place == 5 else str(place / 7) for place in range(300)],
        }
    )
    month, price = Schema.learn(cells, ["month", "price"]).columns
    assert (month.kind, price.kind) == ("category", "number")
    assert np.isnan(price.numbers(cells["price"])[5])
    assert Schema.from_dict(Schema((month, price)).to_dict()).columns == (month, price)


def test_the_report_stands_alone(trained: tuple[TableTraining, list[str]], tmp_path: Path) -> None:
    page = write_table_report(tmp_path, trained[0], name="first").read_text(encoding="utf-8")
    assert "base rate" in page
    assert "data:image/png" in page
    assert orjson.loads((tmp_path / "first_metrics.json").read_bytes())["test"]["model"]["AUC"] > 0.7


@pytest.mark.slow
def test_repeated_rows_do_not_answer_for_themselves(write: Callable[[pl.DataFrame], Path]) -> None:
    random = np.random.default_rng(5)
    # Enough rows that guessing stays near .5: thirty rows of coin flips can show an AUC of .8 by luck.
    coins = {"user_id": random.integers(0, 300, 2000), "item_id": random.integers(0, 100, 2000)}
    frame = pl.DataFrame({**coins, "label": random.integers(0, 2, 2000)}).unique(
        ["user_id", "item_id"], maintain_order=True
    )
    said: list[str] = []
    done = train_table(write(pl.concat([frame] * 5)), say=said.append, epochs=6)
    assert 0.4 < (done.test.rows["model"]["AUC"] or 0) < 0.6
    assert done.facts["copies"] == 4 * len(frame)
    assert any("exact copies" in line for line in said)


def test_infinite_cells_are_missing_ones(write: Callable[[pl.DataFrame], Path]) -> None:
    frame = _frame(300).with_columns(price=pl.Series(["inf" if k % 7 == 0 else f"{k}.5" for k in range(300)]))
    column = next(one for one in Schema.learn(read_table(write(frame)).cells, ["price"]).columns)
    assert column.kind == "number"
    assert np.isnan(column.numbers(pl.Series(["inf", "-inf", "3.5"]))).tolist() == [True, True, False]


def test_a_learning_rate_that_blows_up_is_named(write: Callable[[pl.DataFrame], Path]) -> None:
    with pytest.raises(ConfigurationError, match="learning rate 1e\\+09"):
        train_table(write(_frame(300)), epochs=2, learning_rate=1e9)


def test_separators_are_recognised_and_a_semicolon_means_decimal_commas(tmp_path: Path) -> None:
    rows = [
        ("user_id", "item_id", "label", "price"),
        ("1", "2,0", "0", "3.5"),
        ("1", "3", "1", "n/a"),
        ("2", "3", "1", "4"),
    ]
    for separator in (",", ";", "\t", "|"):
        lines = [separator.join(f'"{one}"' if separator in one else one for one in row) for row in rows]
        text = "\n".join(lines).replace("3.5", "3,5" if separator == ";" else "3.5")
        (tmp_path / "a.csv").write_text(text + "\n")
        cells = read_table(tmp_path / "a.csv").cells
        assert cells["price"].to_list() == ["3.5", None, "4"]
        assert cells["item_id"].to_list() == ["2,0", "3", "3"]
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_figures_agree_with_scikit_learn_and_between_table_and_page(
    trained: tuple[TableTraining, list[str]], tmp_path: Path
) -> None:
    figures = trained[0].test
    assert figures.classes is not None
    assert figures.rows["model"]["accuracy"] == pytest.approx(figures.classes.accuracy)
    assert figures.rows["model"]["AUC"] == pytest.approx(figures.classes.auc)
    assert figures.rows["model"]["log-loss"] == pytest.approx(figures.classes.log_loss)
    said = figures.as_dict()
    ahead = said["model minus popularity"]["AUC"]
    assert ahead["difference"] == pytest.approx(said["model"]["AUC"] - said["product popularity"]["AUC"])
    assert ahead["interval_95"][0] <= ahead["difference"] <= ahead["interval_95"][1]
    assert set(said["interval_95"]) == {"model", "product popularity", "base rate"}
    page = write_table_report(tmp_path, trained[0], name="m").read_text(encoding="utf-8")
    assert f"{said['classes']['macro_f1']:.4f}" in page
    for row in figures.table()[1]:
        assert all(cell in page for cell in row)
