from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from learning_cases import GivenScores, Tally, random_log
from PIL import Image

from shoplens.domain.dataset import TrainingData
from shoplens.learning.calibration import calibrate
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.plots import plot_classification
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
    assert [path.name for path in files] == [
        "metrics.json",
        "metrics.png",
        "segments.png",
        "differences.png",
        "training_curve.png",
        "report.html",
    ]
    figures = json.loads(files[0].read_text())
    popularity = figures["models"]["popularity"]
    assert figures["best"] == "popularity"
    assert popularity["train_seconds"] == 0.25
    low, high = popularity["intervals_95"]["ndcg@20"]
    assert low <= popularity["ndcg@20"] <= high
    assert sum(segment["people"] for segment in popularity["segments"].values()) == popularity["people"]
    for picture in files[1:5]:
        with Image.open(picture) as image:
            assert min(image.size) > 300
    page = files[5].read_text()
    assert "Shop &amp; Co" in page
    assert "&lt;mine&gt;" in page
    assert "<mine>" not in page
    assert page.count("data:image/png;base64,") == 4
    assert 'src="http' not in page


def test_without_curves_there_is_no_curve_picture(tmp_path: Path, evaluations: dict[str, Evaluation]) -> None:
    files = write_report(tmp_path, evaluations, title="t", best="popularity")
    assert [path.name for path in files] == [
        "metrics.json",
        "metrics.png",
        "segments.png",
        "differences.png",
        "report.html",
    ]


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


def test_differences_segments_and_calibration_are_on_the_page(
    tmp_path: Path, evaluations: dict[str, Evaluation]
) -> None:
    split = temporal_split(random_log(), 20, 10)
    calibrated = calibrate(Tally().fit(TrainingData(split.train)), split.valid_holdout())
    assert calibrated is not None
    files = write_report(
        tmp_path,
        evaluations,
        title="t",
        best="popularity",
        reliability={"validation": calibrated.reliability},
        running=evaluations["<mine>"],
    )
    assert tmp_path / "calibration.png" in files
    figures = json.loads((tmp_path / "metrics.json").read_text())
    against = figures["differences"]["popularity"]["<mine>"]["ndcg@20"]
    assert against["low"] <= against["mean"] <= against["high"]
    assert against["mean"] == pytest.approx(
        -figures["differences"]["the running model"]["popularity"]["ndcg@20"]["mean"]
    )
    assert figures["calibration"]["validation"]["shown"]["n"] > 0
    assert figures["models"]["popularity"]["products"]["head"]["relevant"] > 0
    page = (tmp_path / "report.html").read_text()
    for words in ("Difference to popularity", "Difference to the running model", "by kind of product", "probabilities"):
        assert words in page


def test_curves_of_a_classifier(tmp_path: Path) -> None:
    truth = np.array([0, 1, 1, 0, 1])
    plot_classification(tmp_path / "two.png", truth, {"mine": [0.1, 0.8, 0.4, 0.5, 0.9], "linear": [0.5] * 5})
    plot_classification(tmp_path / "one.png", np.ones(3), [0.1, 0.2, 0.3])
    for name in ("two.png", "one.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 400
