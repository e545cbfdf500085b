"""The example of media of one's own runs on the files that it makes, and says of them what its page promises."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from shoplens.encoders.audio import WhisperAudioEncoder
from shoplens.encoders.speech import WhisperRecogniser
from shoplens.errors import MissingExtraError

FOLDER = Path(__file__).parents[2] / "examples" / "own_media"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "own_media", raising=False)
    return import_module("own_media")


def without_the_extra(*_: Any) -> Any:
    raise MissingExtraError("listening", "speech")


def test_what_the_files_say(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in (WhisperAudioEncoder, WhisperRecogniser):  # sound has tests of its own
        monkeypatch.setattr(one, "open", without_the_extra)
    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.chdir(tmp_path)
    told = script.look(script.make_files(made), script.WORDS)
    tea, clip, tone = (told["files"][name] for name in ("tea.png", "clip.mp4", "tone.wav"))
    assert tea["colours"][0].startswith(("green 绿色", "dark green 墨绿色"))
    assert [line.replace(" ", "") for line in tea["written"]] == ["GREENTEA", "100g$4.50"]
    assert (clip["shots"], set(clip["vectors"])) == (["0.0–2.0 s", "2.0–4.0 s"], {"video"})
    assert "shoplens[speech]" in tone["refused"]
    assert told["same photo"] == [["flower-again.jpg", "flower.jpg"]]
    flowers, palaces = {"flower.jpg", "flower-again.jpg", "clip.mp4 at 0.0 s"}, {"palace.jpg", "clip.mp4 at 2.0 s"}
    for word, wanted in zip(script.WORDS, (flowers, flowers, palaces, palaces), strict=True):
        assert told["found by words"][word][0] in wanted, word


def test_its_page_names_what_it_prints() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    text = (FOLDER / "own_media.py").read_text(encoding="utf-8")
    for row in page.split("|---|---|")[1].strip().splitlines()[:7]:
        name = row.split("`")[1]
        assert f'"{name}"' in text, name
