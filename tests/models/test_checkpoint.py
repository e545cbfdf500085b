"""Checkpoints: whole or not there, and of the same fit or not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from shoplens.models.checkpoint import read_state, write_state


def test_what_was_written_is_read_by_the_same_fit_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "fit.checkpoint"
    write_state(path, {"fingerprint": "a", "weights": {"w": torch.arange(3)}, "step": 7})
    state = read_state(path, "a")
    assert state is not None
    assert state["step"] == 7
    assert torch.equal(state["weights"]["w"], torch.arange(3))
    assert read_state(path, "b") is None
    assert [one.name for one in path.parent.iterdir()] == [path.name]  # nothing half-written is left


def test_it_is_read_on_the_cpu_wherever_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one of a GPU could not be opened without one, and counters of optimisers would end up on it."""
    path = tmp_path / "fit.checkpoint"
    write_state(path, {"fingerprint": "a", "step": torch.tensor(3.0)})
    asked = []
    load = torch.load

    def spy(*arguments: Any, **named: Any) -> Any:
        asked.append(named["map_location"])
        return load(*arguments, **named)

    monkeypatch.setattr(torch, "load", spy)
    assert read_state(path, "a") is not None
    assert asked == ["cpu"]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_a_damaged_one_counts_as_none(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.checkpoint"
    write_state(path, {"fingerprint": "a", "weights": torch.zeros(1000)})
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"hello"}[damage])
    assert read_state(path, "a") is None
