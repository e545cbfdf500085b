"""A training that was killed with kill -9 goes on at its epoch, and ends in the very bundle of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from shoplens.errors import ConflictError
from shoplens.service.bundle import open_bundle, read_manifest
from shoplens.service.training import train_shop
from shoplens.service.unfinished import FOLDER, training_alone
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop

SETTINGS = {
    "train": {
        "models": ["popularity", "fusion"],
        "fusion": {"epochs": 4, "patience": 4, "embedding_size": 8, "hidden_size": 8},
    }
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Equal to the last bit is promised for the same number of threads; other tests of this process change it."""
    torch.set_num_threads(1)


def shop(root: Path) -> Workspace:
    workspace = Workspace.create(root, **SETTINGS)
    store = open_store(workspace.database_url)
    tiny_shop(products=24, people=20, days=60).fill(store)
    store.close()
    return workspace


def run(workspace: Workspace, told: list[str]) -> Path:
    store = open_store(workspace.database_url)
    done = train_shop(workspace, store, progress=lambda what, at, _of: told.append(f"{what} {at}"))
    store.close()
    return workspace.bundles / done.version


def killed(workspace: Workspace, stage: str, epoch: int) -> None:
    script = Path(__file__).parent / "train_until_killed.py"
    ended = subprocess.run([sys.executable, script, workspace.root, stage, str(epoch)], check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_killed_twice_it_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    straight, stopped = shop(tmp_path / "straight"), shop(tmp_path / "stopped")
    expected = run(straight, [])
    killed(stopped, "fit fusion", 2)  # while it chooses
    left = stopped.runs / FOLDER
    assert list(left.glob("*/choose/fusion.checkpoint"))
    assert list(left.glob("*/choose/popularity/fitted.json"))
    killed(stopped, "fit fusion again", 3)  # while it is fitted on everything; the first stage is done by then
    assert list(left.glob("*/choose/fusion/fitted.json"))
    assert list(left.glob("*/again/fusion.checkpoint"))
    told: list[str] = []
    found = run(stopped, told)
    assert "a training of the same events was stopped: it goes on 1" in told
    assert "fit fusion: taken from the training that was stopped 1" in told
    assert "fit fusion again: goes on at epoch 4, where it was stopped 4" in told
    assert not [one for one in left.iterdir() if one.is_dir()]

    ours, theirs = open_bundle(found), open_bundle(expected)
    assert ours.vectors is not None
    assert theirs.vectors is not None
    assert np.array_equal(ours.vectors, theirs.vectors)
    one, other = read_manifest(found)["metrics"], read_manifest(expected)["metrics"]
    for part in ("weights", "best_on_validation"):
        assert one[part] == other[part]
    for part in ("valid", "test"):
        for model, figures in one[part].items():
            timed = {"users_per_second"}
            assert {k: v for k, v in figures.items() if k not in timed} == {
                k: v for k, v in other[part][model].items() if k not in timed
            }


@pytest.mark.slow
def test_what_was_left_of_other_data_is_not_used_and_goes_away(tmp_path: Path) -> None:
    workspace = shop(tmp_path)
    stale = workspace.runs / FOLDER / "0123" / "choose"
    stale.mkdir(parents=True)
    told: list[str] = []
    run(workspace, told)
    assert not stale.exists()
    assert not any("stopped" in one for one in told)


def test_a_second_training_at_the_same_time_is_refused(tmp_path: Path) -> None:
    workspace = shop(tmp_path)
    told: list[str] = []
    with training_alone(workspace.runs), pytest.raises(ConflictError, match="another training of this workspace"):
        run(workspace, told)
    assert told == []
    assert [one.name for one in (workspace.runs / FOLDER).iterdir()] == ["lock"]
    with training_alone(workspace.runs):
        pass  # nothing stays locked
