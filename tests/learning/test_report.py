from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from learning_cases import GivenScores, Tally, random_log
from PIL import Image

from shoplens.domain.dataset import TrainingData
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.report import table_rows, write_report
from shoplens.learning.split import temporal_split


@pytest.fixture(scope="module")
def evaluations() -> dict[str, Evaluation]:
    split = temporal_split(random_log(), 20, 10)
    holdout = split.valid_holdout()
    noise = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    return {
        "popularity": evaluate(Tally().fit(TrainingData(split.train)), holdout),
        "<mine>": evaluate(GivenScores(noise), holdout),
    }


def test_writes_figures_plots_and_one_page(tmp_path: Path, evaluations: dict[str, Evaluation]) -> None:
    curve = [{"epoch": n, "loss": 1 / n, "valid_ndcg": n / 10, "seconds": 1.0} for n in (1, 2, 3)]
    unknown = [{"epoch": n, "loss": 2 / n, "valid_ndcg": math.nan} for n in (1, 2)]
    files = write_report(
        tmp_path / "report",
        evaluations,
        title="Shop & Co",
        best="popularity",
        weights={"popularity": 1.0},
        train_seconds={"popularity": 0.25},
        curves={"fusion": curve, "other": unknown},
        notes={"events": 1500},
    )
    assert [path.name for path in files] == ["metrics.json", "metrics.png", "training_curve.png", "report.html"]
    figures = json.loads(files[0].read_text())
    popularity = figures["models"]["popularity"]
    assert figures["best"] == "popularity"
    assert popularity["train_seconds"] == 0.25
    low, high = popularity["intervals_95"]["ndcg@20"]
    assert low <= popularity["ndcg@20"] <= high
    assert sum(segment["people"] for segment in popularity["segments"].values()) == popularity["people"]
    for picture in files[1:3]:
        with Image.open(picture) as image:
            assert min(image.size) > 400
    page = files[3].read_text()
    assert "Shop &amp; Co" in page
    assert "&lt;mine&gt;" in page
    assert "<mine>" not in page
    assert page.count("data:image/png;base64,") == 2
    assert 'src="http' not in page


def test_without_curves_there_is_no_curve_picture(tmp_path: Path, evaluations: dict[str, Evaluation]) -> None:
    files = write_report(tmp_path, evaluations, title="t", best="popularity")
    assert [path.name for path in files] == ["metrics.json", "metrics.png", "report.html"]


def test_nobody_judged_still_gives_a_report(tmp_path: Path) -> None:
    holdout = temporal_split(random_log(), 20, 10).valid_holdout().take(np.zeros(0, np.int64))
    nobody = evaluate(GivenScores(np.zeros((40, 60), np.float32)), holdout)
    write_report(tmp_path, {"popularity": nobody}, title="t", best="popularity")
    assert "NaN" not in (tmp_path / "metrics.json").read_text()


def test_table_has_an_interval_for_each_metric(evaluations: dict[str, Evaluation]) -> None:
    header, rows = table_rows(evaluations, {"popularity": 1.0})
    assert header[:6] == ["model", "recall@10", "recall@20", "ndcg@10", "ndcg@20", "mrr"]
    assert [row[0] for row in rows] == ["popularity", "<mine>"]
    assert all(len(row) == len(header) for row in rows)
    assert "–" in rows[0][1]
    assert rows[1][-2] == "–"
