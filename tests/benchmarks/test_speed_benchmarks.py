"""The benchmarks run, at a size at which their figures mean nothing, and every one can be found and explains itself."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import commands, modules
from benchmarks.speed import cuda, recommend_one, recommend_sequence, recommend_train
from benchmarks.speed.spread import ratios, spread
from benchmarks.speed.synthetic import distinct_purchases, sequences


def answer(module: str, arguments: list[str], capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> object:
    patch.setattr(sys, "argv", [module, *arguments])
    import_module(f"benchmarks.speed.{module}").main()
    return json.loads(capsys.readouterr().out)


def test_training_beside_implicit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    small = ["--people", "60", "--products", "50", "--interactions", "1500", "--repetitions", "2"]
    few = ["--factors", "4", "8", "--alpha", "1", "--regularization", "0.1"]
    result = answer("recommend_train", [*small, *few], capsys, monkeypatch)
    assert isinstance(result, dict)
    assert result["data"].startswith("synthetic")
    assert set(result["models"]) == {"linear", "linear_again", "implicit_ials", "implicit_bm25", "implicit_cosine"}
    for found in result["models"].values():
        assert 0 <= found["ndcg@20_95"][0] <= found["ndcg@20"] <= found["ndcg@20_95"][1] <= 1
        assert found["fit_s"]["runs"] == 2
    assert len(result["models"]["implicit_ials"]["tried"]) == 2
    assert result["time_ratios"]["implicit_ials / linear"]["least"] > 0


def test_a_folder_instead_of_made_up_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for name, events in (("train", 600), ("valid", 80)):
        rows = [f"{random.integers(40)},{random.integers(30)}" for _ in range(events)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["user_id,item_id", *rows]), encoding="utf-8")
    few = ["--factors", "4", "--alpha", "1", "--regularization", "0.1", "--repetitions", "1"]
    result = answer("recommend_train", ["--data", str(tmp_path), *few], capsys, monkeypatch)
    assert isinstance(result, dict)
    assert result["data"] == tmp_path.name
    assert result["training_events"] == 600


def test_the_transformer_alone_when_there_is_no_peer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [
        "--whole-share",
        "0.5",
        "--people",
        "60",
        "--products",
        "40",
        "--rounds",
        "1",
        "--dim",
        "8",
        "--requests",
        "2",
        "--length",
        "10",
    ]
    result = answer("recommend_sequence", [*small, "--no-peer"], capsys, monkeypatch)
    assert isinstance(result, dict)
    assert result["peer_missing"]
    assert "ratios" not in result
    assert result["shoplens"]["epoch_s_as_used"]["median"] > 0


def test_a_peer_that_cannot_be_installed_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_name: str) -> Path:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(recommend_sequence, "peer_python", fails)
    small = [
        "--whole-share",
        "0.5",
        "--people",
        "40",
        "--products",
        "30",
        "--rounds",
        "1",
        "--dim",
        "8",
        "--requests",
        "2",
    ]
    result = answer("recommend_sequence", small, capsys, monkeypatch)
    assert isinstance(result, dict)
    assert "could not be installed" in result["peer_missing"]


def test_one_person_beside_implicit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommend_one, "FACTORS", 8)
    result = answer("recommend_one", ["--products", "60", "--people", "30", "--requests", "5"], capsys, monkeypatch)
    assert isinstance(result, dict)
    (run,) = result["runs"]
    assert run["shoplens"]["p50_ms"] > 0 < run["transformer"]["p50_ms"]
    assert run["ratio_p50_implicit"] > 0


def test_ratios_pair_what_was_measured_side_by_side() -> None:
    assert ratios([2.0, 9.0, 4.0], [1.0, 3.0, 1.0]) == {"median": 3.0, "least": 2.0, "most": 4.0, "runs": 3}
    assert spread([1.0, 2.0])["median"] == 1.5


def test_made_up_data_have_the_promised_shape() -> None:
    bought = distinct_purchases(300, 200, 9_000, seed=0)
    assert len(np.unique(bought.user.astype(np.int64) * 200 + bought.item)) == len(bought)
    assert 8_000 < len(bought) <= 9_000
    assert bought.timed
    lives = sequences(2_000, 500, 8.9, seed=0)
    assert np.bincount(lives.user).min() >= 5
    assert np.bincount(lives.user).mean() == pytest.approx(8.9, rel=0.05)


def test_what_has_to_be_found_comes_last_and_is_not_learnt_from() -> None:
    bought = distinct_purchases(50, 60, 1_500, seed=1)
    case = recommend_train.Case.latest(bought, seed=0)
    pairs = set(zip(case.train.user.tolist(), case.train.item.tolist(), strict=True))
    holdout = case.holdout
    owner = np.repeat(holdout.user, holdout.relevant).tolist()
    assert not pairs & set(zip(owner, holdout.truth_item.tolist(), strict=True))
    assert len(case.train) + len(holdout.truth_item) == len(bought)


def test_every_benchmark_is_registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "recommend" / "shop"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("user_id,item_id,timestamp\n1,1,1\n", encoding="utf-8")
    monkeypatch.setenv("SHOPLENS_BENCH", str(tmp_path))
    found = commands()
    names = {"ingest", "recommend_one", "recommend_train", "recommend_sequence", "content_ranker", "embed", "latency"}
    assert names | {"recommend shop", "recommend_train shop", "recommend_sequence shop"} <= set(found)
    assert "rectools_sasrec" not in found
    for module in modules():
        assert (import_module(module).__doc__ or "").strip()


def test_a_gpu_beside_the_processor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Here without one: the processor stands alone, and the rest is reckoned from made-up rows."""
    (tmp_path / "features").mkdir()
    rows = [f"{person},{product}" for person in range(30) for product in range(person % 5, 20, 3)]
    (tmp_path / "train.csv").write_text("\n".join(["user_id,item_id", *rows]), encoding="utf-8")
    np.save(tmp_path / "features" / "image.npy", np.random.default_rng(0).random((20, 4), np.float32))
    small = ["--devices", "cpu", "--epochs", "1", "--photos", "2", "--titles", "3", "--rounds", "1", "--tiny"]
    small += ["--texts", "60"]
    result = answer("cuda", ["--data", str(tmp_path), *small], capsys, monkeypatch)
    assert isinstance(result, dict)
    assert [(row["history"], row["large"]) for row in result["training"]] == [
        ("mlp", False),
        ("mlp", True),
        ("graph", False),
    ]
    assert [row["half"] for row in result["encoding"]] == ["image"] * 2 + ["text"] * 4 + ["preparation"]
    learnt = [(task, large) for task in ("classes", "entities") for large in (False, True) for _ in range(2)]
    assert [(row["task"], row["large"]) for row in result["fine_tuning"]] == learnt
    assert all(row["epoch_s"] > 0 for row in result["fine_tuning"])
    assert result["ratios"] == {"training": [], "encoding": [], "fine_tuning": []}
    both = [{"model": "clip", "device": name, "precision": name, "s": s} for name, s in (("cpu", 6.0), ("cuda", 2.0))]
    assert cuda.beside(both, ("model",), "s") == [{"model": "clip", "precision": "cuda", "cpu_over_cuda": 3.0}]
