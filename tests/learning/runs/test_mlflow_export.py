from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
from learning_cases import Tally, random_log

from shoplens.domain.dataset import TrainingData
from shoplens.errors import ConfigurationError, MissingExtraError
from shoplens.learning.evaluate import evaluate
from shoplens.learning.runs.export import export_mlflow
from shoplens.learning.runs.record import Run, read_run, write_run
from shoplens.learning.split import temporal_split

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "20250101T000000"
    split = temporal_split(random_log(), 20, 10)
    write_run(
        folder,
        {"popularity": evaluate(Tally().fit(TrainingData(split.train)), split.valid_holdout())},
        config={"fusion": {"epochs": 3}},
        data_fingerprint="abc",
        seed=7,
        title="t",
        best="popularity",
        curves={"fusion": [{"epoch": n, "loss": 1 / n} for n in (1, 2, 3)]},
        weights={"popularity": 1.0},
    )
    return read_run(folder)


def test_everything_arrives_in_a_store_without_a_server(run: Run, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'experiments.db'}"
    known = export_mlflow(run, uri, experiment="shop")
    again = export_mlflow(run, uri, experiment="shop")
    assert known != again
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = mlflow.MlflowClient(tracking_uri=uri)
        found = client.get_run(known)
        losses = client.get_metric_history(known, "fusion/epoch/loss")
        files = {one.path for one in client.list_artifacts(known)}
    assert found.info.run_name == run.name
    assert found.info.status == "FINISHED"
    assert found.data.params["fusion.epochs"] == "3"
    assert found.data.params["seed"] == "7"
    assert found.data.params["weights.popularity"] == "1.0"
    assert found.data.metrics["popularity/ndcg_at_20"] == pytest.approx(run.models["popularity"]["ndcg@20"])
    assert found.data.metrics["popularity/products.head.recall"] >= 0
    assert {one.step: one.value for one in losses} == pytest.approx({1: 1.0, 2: 0.5, 3: 1 / 3})
    assert {"report.html", "metrics.json", "run.json", "metrics.png"} <= files
    assert (tmp_path / "mlartifacts").is_dir()


def test_a_store_that_mlflow_refuses_is_met_with_advice(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    with pytest.raises(ConfigurationError, match="sqlite:///FILE"):
        export_mlflow(run, (tmp_path / "store").as_uri())


def test_without_the_extra_the_message_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"shoplens\[mlflow\]"):
        export_mlflow(run, "sqlite:///x.db")
