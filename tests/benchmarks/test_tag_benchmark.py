"""The benchmark of tagging, small."""

from __future__ import annotations

import json
import sys

import pytest
from benchmarks.speed import tag

from shoplens.testing.marked_sentences import tiny_body


def test_sentences_a_second(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tag", "--most", "40", "--repetitions", "1", "--threads", "1"])
    monkeypatch.setattr(tag, "E5Body", tiny_body)
    tag.main()
    result = json.loads(capsys.readouterr().out)
    assert result["sentences"] == 40
    assert result["words"] > 40
    assert result["sentences_per_processor_second"]["median"] > 0
