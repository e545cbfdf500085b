"""The examples of CONTRIBUTING.md run as they stand."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shoplens.ingest.products import FORMATS

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def _blocks(heading: str) -> list[str]:
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    (wanted,) = [part for part in section if part.startswith(heading)]
    return re.findall(r"```python\n(.*?)```", wanted, re.DOTALL)


def _run(heading: str, **names: Any) -> None:
    scope: dict[str, Any] = dict(names)
    for block in _blocks(heading):
        scope["acme"] = SimpleNamespace(matches=scope.get("matches"), read=scope.get("read"))
        exec(compile(block, f"CONTRIBUTING.md, {heading}", "exec"), scope)


@pytest.mark.parametrize("heading", ["Add an encoder", "Add something that finds words", "Add a model"])
def test_the_example_passes_the_conformance_checks(heading: str, tmp_path: Path) -> None:
    assert len(_blocks(heading)) == 2
    _run(heading, empty_folder=tmp_path)


def test_the_example_format_is_detected_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FORMATS, "acme", raising=False)
    try:
        _run("Add a feed format", empty_folder=tmp_path)
        assert "acme" in FORMATS
    finally:
        FORMATS.pop("acme", None)
