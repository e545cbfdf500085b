"""`shoplens classify` and `bench classify`: learn from a file, ask, list, and be refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli import classify as _classify  # noqa: F401 - each registers its command
from shoplens.cli.app import app
from shoplens.cli.bench import classify as _bench  # noqa: F401
from shoplens.errors import ConfigurationError, NotFoundError
from shoplens.service.workspace import Workspace

THINGS = ("cup", "lamp", "shoe", "box", "phone", "jacket")
ROWS = [(f"{word} {thing}", "good") for thing in THINGS for word in ("a lovely", "really great")]
ROWS += [(f"{word} {thing}", "bad") for thing in THINGS for word in ("an awful", "really broken")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a classifier named tone."""
    folder = tmp_path_factory.mktemp("shop")
    Workspace.create(folder, encoders={"text": "hashed-ngrams"})
    lines = "".join(f"{text},{label}\n" for text, label in ROWS)
    (folder / "reviews.csv").write_text(f"text,label\n{lines},good\n", encoding="utf-8")
    result = run("classify", "train", str(folder / "reviews.csv"), "--name", "tone", "-w", str(folder), "--json")
    (folder / "trained.json").write_text(result, encoding="utf-8")
    return folder


def run(*arguments: str, said: str | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), input=said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_training_says_how_good_it_is_and_what_it_left_out(shop: Path) -> None:
    trained = json.loads((shop / "trained.json").read_text(encoding="utf-8"))
    assert trained["classes"] == ["bad", "good"]
    assert trained["validation"]["fast"]["accuracy"] > 0.8
    assert trained["rows"]["refused"] == 1
    assert Path(trained["refused"]).is_file()
    assert Path(trained["report"]) == shop / "runs" / "classify-tone" / "report.html"
    assert (shop / "runs" / "classify-tone" / "confusion.png").is_file()


def test_texts_from_arguments_files_and_pipes(shop: Path) -> None:
    where = ("-w", str(shop), "--json")
    one = json.loads(run("classify", "predict", "a lovely desk", "an awful desk", *where))
    assert [row["label"] for row in one["texts"]] == ["good", "bad"]
    assert set(one["texts"][0]) == {"text", "label", "probability", "probabilities"}
    (shop / "ask.txt").write_text("a lovely desk\n\nan awful pen\n", encoding="utf-8")
    lines = json.loads(run("classify", "predict", "--file", str(shop / "ask.txt"), "-m", "tone", *where))
    assert [row["label"] for row in lines["texts"]][::2] == ["good", "bad"]
    table = json.loads(run("classify", "predict", "--file", str(shop / "reviews.csv"), "--top", "1", *where))
    assert len(table["texts"]) == len(ROWS) + 1
    piped = run("classify", "predict", "--stdin", "-w", str(shop), said="a lovely desk\nan awful pen\n")
    assert [json.loads(line)["label"] for line in piped.splitlines()] == ["good", "bad"]
    assert "good" in run("classify", "predict", "a lovely desk", "-w", str(shop))


def test_what_there_is_and_what_there_is_not(shop: Path, tmp_path: Path) -> None:
    (known,) = json.loads(run("classify", "list", "-w", str(shop), "--json"))["classifiers"]
    assert (known["name"], known["path"], known["examples"]) == ("tone", "fast", len(ROWS))
    assert "tone" in run("classify", "list", "-w", str(shop))
    with pytest.raises(NotFoundError, match="there are: tone"):
        run("classify", "predict", "x", "-m", "mood", "-w", str(shop))
    Workspace.create(tmp_path)
    assert json.loads(run("classify", "list", "-w", str(tmp_path), "--json")) == {"classifiers": []}
    with pytest.raises(NotFoundError, match="shoplens classify train"):
        run("classify", "predict", "x", "-w", str(tmp_path))
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        run("classify", "train", str(shop / "reviews.csv"), "--name", "../x", "-w", str(shop))
    assert CliRunner().invoke(app, ["classify", "predict", "-w", str(shop)]).exit_code == 2
    assert "shoplens classify train reviews.csv --name tone" in run("classify", "train", "--help")


def test_the_benchmark_prints_figures_beside_baselines(shop: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("text,label\na lovely pen,good\nan awful pen,bad\n", encoding="utf-8")
    arguments = ("bench", "classify", str(shop / "reviews.csv"), str(test), "--encoder", "none", "--effort", "fast")
    figures = json.loads(run(*arguments, "--report", str(tmp_path / "out"), "--json").splitlines()[-1])
    assert figures["accuracy"] == 1.0
    assert figures["examples"]["refused"] == 1
    assert (tmp_path / "out" / "report.html").is_file()
    assert "tf-idf + LR" in run(*arguments)
