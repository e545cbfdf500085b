"""The benchmarks of topics and of the speed of reading posts run, at sizes at which their figures mean nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality import opinion_topics
from benchmarks.speed import opinions as speed

from shoplens.apps.opinions.vectors import Vectors
from shoplens.encoders.hashed import HashedNgramEncoder


@pytest.mark.slow
def test_topics_of_made_up_labels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kinds = {"power": "battery charge empty", "post": "parcel courier late", "food": "taste biscuit stale"}
    rows = ["text,label"]
    for number in range(240):
        label = str(random.choice(list(kinds)))
        rows.append(f"{' '.join(random.permutation(kinds[label].split()))} {number},{label}")
    (tmp_path / "made.csv").write_text("\n".join(rows), encoding="utf-8")
    texts, labels = opinion_topics.load(tmp_path / "made.csv", "text", "label", 240, 0)
    told = opinion_topics.judged(texts, labels, Vectors(HashedNgramEncoder()), 0)
    assert told["labels"] == 3
    for name in ("discovered", "adopted", "discovered, tf-idf k-means"):
        low, high = told[name]["nmi_95"]
        assert low <= told[name]["nmi"] <= high
    assert told["discovered"]["nmi"] > 0.5


def test_posts_a_second(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["opinions", "--posts", "60", "--encoder", "hashed-ngrams"])
    speed.main()
    told = json.loads(capsys.readouterr().out)
    assert told["reposts 0"]["by words"]["copies"] == 0
    assert told["reposts 0.4"]["with vectors"]["copies"] > 5
    assert told["reposts 0"]["with vectors"]["posts_per_second"] > 0
