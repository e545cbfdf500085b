"""The benchmark of encoding: fair turns, made-up products, and everything in it at a size that means nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.speed import embed
from benchmarks.speed.synthetic_products import photos, products, titles

from shoplens.encoders.base import Vectors
from shoplens.encoders.hashed import HashedNgramEncoder


def test_inputs_are_compared_in_turns() -> None:
    calls: list[tuple[str, int]] = []

    def encoder(name: str) -> embed.Encode:
        def encode(inputs: object) -> Vectors:
            assert isinstance(inputs, list)
            calls.append((name, len(inputs)))
            return np.zeros((len(inputs), 2), np.float32)

        return encode

    found = embed.compare({"ours": encoder("ours"), "peer": encoder("peer")}, titles(20, 0), 2)
    assert calls[2:] == [("ours", 20), ("peer", 20)] * 2
    assert found["per_second"]["ours"]["runs"] == 2
    assert set(found["time_ratios"]) == {"peer / ours"}


def test_made_up_products_differ_and_come_in_pieces() -> None:
    chunks = list(products(1_200, 0))
    assert [len(chunk) for chunk in chunks] == [500, 500, 200]
    texts = [product.text for chunk in chunks for product in chunk]
    assert len(set(texts)) == 1_200
    assert any("包" in text for text in texts)
    assert [one.size for one in photos(2, 0, side=50)] == [(50, 50)] * 2
    assert titles(5, 1) == titles(5, 1) != titles(5, 2)


def test_memory_of_one_size() -> None:
    found = embed.measure_memory(600)
    assert found["products"] == 600
    assert found["vectors_mb"] == pytest.approx(600 * HashedNgramEncoder().size * 4 / 2**20, abs=0.06)
    assert found["peak_rss_mb"] > 0


@pytest.mark.slow
def test_the_whole_benchmark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = ["--titles", "40", "--photos", "4", "--repetitions", "1", "--memory", "100", "300"]
    monkeypatch.setattr(sys, "argv", ["embed", *small, "--models", str(tmp_path)])
    embed.main()
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"benchmark", "titles", "photos", "second_run", "memory", "memory_kb_a_product"}
    cosines = result["titles"]["least_cosine_with_peer"]
    assert cosines["shoplens_fp32"] > 0.9999
    assert cosines["shoplens"] > 0.99
    assert result["second_run"]["products"] == 40
