"""`shoplens transcribe` on files and on what still comes in, with a recogniser that needs no weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from typer.testing import CliRunner, Result

from shoplens.cli import init as _other  # noqa: F401 - with a single command typer expects no command name
from shoplens.cli.app import app
from shoplens.cli.transcribe import transcribe as _command  # noqa: F401 - registers the command
from shoplens.encoders.media import SOUND_RATE
from shoplens.errors import InputError, MissingExtraError
from shoplens.service.listening import language_code, transcribe
from shoplens.testing.sample_media import sample_tone, sample_wav
from shoplens.testing.tiny_encoders import TINY, loud_in, tiny_parts


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shoplens.toml").write_text(tomli_w.dumps({"encoders": TINY}))
    (tmp_path / "call.wav").write_bytes(sample_wav(sample_tone(2.0)))
    monkeypatch.setattr("shoplens.encoders.speech_live.speech_in", loud_in)
    return tmp_path


def run(shop: Path, *words: str, stdin: bytes | None = None) -> Result:
    with tiny_parts():
        return CliRunner().invoke(app, ["transcribe", *words, "--workspace", str(shop)], input=stdin)


def raw(*parts: tuple[float, float]) -> bytes:
    """Loudness for so many seconds, as bare samples."""
    sound = np.concatenate([np.full(int(seconds * SOUND_RATE), loud) for loud, seconds in parts])
    return (sound * 32_767).astype("<i2").tobytes()


def test_a_file_in_each_form(shop: Path) -> None:
    file = str(shop / "call.wav")
    assert run(shop, file).stdout == "    0.0 – 2.0  about 2 seconds\n"
    assert run(shop, file, "--format", "text").stdout == "about 2 seconds\n"
    assert run(shop, file, "--format", "srt").stdout.startswith("1\n00:00:00,000 --> 00:00:02,000\n")
    told = json.loads(run(shop, file, "--json", "--words", "--language", "en").stdout)
    assert (told["text"], told["language"]) == ("about 2 seconds", "en")
    assert (told["segments"][0]["end"], told["segments"][0]["words"]) == (2.0, [])


def test_stdin_as_it_comes(shop: Path) -> None:
    content = raw((0, 0.5), (0.5, 1), (0, 2), (0.5, 1), (0, 1))
    answer = run(shop, "-", "--rate", "16000", stdin=content)
    assert answer.exit_code == 0, answer.output
    assert len(answer.stdout.splitlines()) >= 2
    wav = sample_wav(np.full(2 * SOUND_RATE, 0.5, np.float32))
    assert json.loads(run(shop, "-", "--json", stdin=wav).stdout)["text"] == "about 2 seconds"


def test_nobody_speaks(shop: Path) -> None:
    answer = run(shop, "-", "--rate", "16000", "--json", stdin=b"")
    assert json.loads(answer.stdout) == {"text": "", "language": "", "segments": []}
    assert "nobody speaks" in answer.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere.wav"], "no such file"), (["."], "a folder"), (["x.wav", "--rate", "0"], "for stdin"),
        (["-", "--words"], "needs a file"), (["-", "--rate", "1"], "between"),
        (["CALL", "--rate", "8000"], "transcribe - --rate"), (["CALL", "--language", "?"], "no code"),
        (["TOML"], "shoplens.toml"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(shop: Path, words: list[str], reason: str) -> None:
    files = {"CALL": "call.wav", "TOML": "shoplens.toml"}
    answer = run(shop, *(str(shop / files[word]) if word in files else word for word in words), stdin=b"\0\0")
    assert isinstance(answer.exception, InputError)
    assert reason in str(answer.exception)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.encoders.whisper.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"shoplens\[speech\]"):
        list(transcribe([b""]))


def test_codes_of_languages() -> None:
    assert [language_code(one) for one in ("en", "en-US", "ZH_hans", "yue", "", None)] == [
        "en", "en", "zh", "yue", None, None,
    ]  # fmt: skip
