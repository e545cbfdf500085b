"""Quality benchmarks: a fair comparison with iALS, refused when the shop has changed since; what modalities add."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import commands
from benchmarks.quality import modality_gain, sample_shop
from benchmarks.speed.implicit_models import FoldedIALS, counts

from shoplens.domain.events import EventBatch
from shoplens.service.dataset import read_interactions
from shoplens.service.training import train_shop
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop

FEW = ["--factors", "4", "8", "--regularization", "0.1", "1", "--alpha", "10"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A tiny shop after its training."""
    models = ("popularity", "item-knn")
    workspace = Workspace.create(tmp_path_factory.mktemp("shop"), train={"models": models, "ranker": "off"})
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    train_shop(workspace, store)
    store.close()
    return workspace


def test_beside_the_newest_training(
    trained: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = tmp_path / "made" / "bars.png"
    monkeypatch.setattr(sys, "argv", ["sample_shop", str(trained.root), *FEW, "--report", str(picture)])
    sample_shop.main()
    result = json.loads(capsys.readouterr().out)
    run = sample_shop.newest(trained.runs)
    assert result["run"] == run.name
    assert set(result["test"]) == {"popularity", "item-knn", "blend", sample_shop.PEER}
    assert 4 <= len(result["ials"]["tried"]) <= 6
    assert max(one["ndcg@20"] for one in result["ials"]["tried"]) == result["ials"]["validation"]["ndcg@20"]
    assert result["people"]["test"] == run.models["blend"]["people"]
    blend, peer = result["test"]["blend"], result["test"][sample_shop.PEER]
    for name in sample_shop.REPORTED:
        assert 0 <= peer[f"{name}_95"][0] <= peer[name] <= peer[f"{name}_95"][1] <= 1
        assert result["blend_minus_ials"][name]["mean"] == pytest.approx(blend[name] - peer[name], abs=3e-5)
    assert picture.stat().st_size > 10_000


def test_people_are_known_by_their_histories_alone(trained: Workspace) -> None:
    store = open_store(trained.database_url)
    events, _ = read_interactions(store)
    store.close()
    for logarithm in (False, True):
        model = FoldedIALS({"factors": 6, "regularization": 0.1, "iterations": 15}, logarithm=logarithm)
        model.fit(counts(events))
        histories = events.histories()
        folded = model.score(histories)
        assert np.isfinite(folded).all()
        known = super(FoldedIALS, model).score(histories)  # with the factors of training, which nearly agree
        assert np.corrcoef(folded.ravel(), known.ravel())[0, 1] > 0.95
        # The order of people, and who they are in the vocabulary, say nothing.
        half = model.score(events.histories(np.arange(30, 20, -1, dtype=np.int32)))
        np.testing.assert_allclose(half, folded[30:20:-1], atol=1e-4)


def test_a_shop_that_changed_since_is_refused(
    trained: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = Workspace.create(tmp_path / "changed")
    goods = tiny_shop()
    store = open_store(changed.database_url)
    goods.fill(store)
    monkeypatch.setattr(sys, "argv", ["sample_shop", str(changed.root), *FEW])
    with pytest.raises(SystemExit, match="no training has finished"):
        sample_shop.main()
    batch = EventBatch()
    batch.append(replace(goods.events[0], timestamp=goods.events[0].timestamp + 1))
    store.events.append(batch)
    store.close()
    (changed.root / "runs").rmdir()
    (changed.root / "runs").symlink_to(trained.runs)
    with pytest.raises(SystemExit, match="no longer holds the events"):
        sample_shop.main()
    assert not capsys.readouterr().out


def test_without_a_sample_shop_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "sample_shop" not in commands()
    assert "sample_shop is left out" in capsys.readouterr().err
    (tmp_path / "demo-shop" / "runs").mkdir(parents=True)
    assert commands()["sample_shop"][-1] == "demo-shop"


def test_what_modalities_add_is_measured_on_the_same_people(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features" / "image.npy", rng.normal(size=(30, 8)).astype(np.float32))
    pairs = sorted({(int(user), int(item)) for user, item in rng.integers(0, 30, (400, 2))})
    for name, part in (("train", pairs[::2]), ("valid", pairs[1::2])):
        lines = "".join(f"{user},{item}\n" for user, item in part)
        (tmp_path / f"{name}.csv").write_text("user_id,item_id\n" + lines, encoding="utf-8")
    found = modality_gain.measure(tmp_path, [0], "mlp")
    recall = found["recall@20"]
    assert found["modalities"] == ["image"]
    assert recall["gain"] == pytest.approx(recall["with"]["mean"] - recall["without"]["mean"], abs=2e-5)
    assert recall["gain_95"][0] <= recall["gain"] <= recall["gain_95"][1]
