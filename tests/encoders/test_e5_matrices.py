from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from shoplens.encoders.base import Vectors
from shoplens.encoders.e5_graph import write_e5
from shoplens.encoders.e5_matrices import E5Matrices
from shoplens.encoders.session import open_session
from shoplens.testing.tiny_e5 import tiny_e5

RANDOM = np.random.default_rng(3)
IDS = [RANDOM.integers(5, 90, length).tolist() for length in RANDOM.integers(2, 50, 60)]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tiny") / "model.onnx"
    write_e5(tiny_e5(), "fp32", file, states=(1,))
    return file


def read(matrices: E5Matrices, threads: int = 1) -> list[Vectors]:
    found = [np.zeros((0, 0), np.float32)] * len(IDS)
    for batch, (states,) in matrices.run(IDS, [1], threads=threads):
        for text, own in zip(batch.texts, np.split(states, batch.starts[1:]), strict=True):
            found[text] = own
    return found


def test_a_text_has_the_states_of_the_graph_whoever_shares_its_row(graph: Path) -> None:
    session = open_session(graph, 1)
    for row, states in zip(IDS, read(E5Matrices.open(graph, torch.float32)), strict=True):
        given = {"input_ids": np.array([row]), "attention_mask": np.ones((1, len(row)), np.int64)}
        np.testing.assert_allclose(states, session.run(["states_1"], given)[0][0], atol=2e-5)


def test_cores_change_nothing_and_torch_keeps_its_threads(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.encoders.e5_matrices.TOKENS_A_BATCH", 128)
    matrices, threads = E5Matrices.open(graph, torch.float32), torch.get_num_threads()
    alone, together = read(matrices), read(matrices, 3)
    assert all(map(np.array_equal, alone, together))
    assert torch.get_num_threads() == threads
    assert list(matrices.run([], [1])) == []
