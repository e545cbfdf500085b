"""Speech to text. Sentences are transcribed when SHOPLENS_BENCH names the folder with media/*.wav."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shoplens.encoders import speech, whisper
from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.media import SOUND_RATE, MediaLimits, Sound
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.speech import NOTHING_SAID, Segment, Transcript, WhisperRecogniser, goes_in_circles, speech_in
from shoplens.encoders.speech_live import LONGEST_SECONDS, LiveTranscript, transcribe_stream
from shoplens.errors import InputError, MissingExtraError, ModelFileError
from shoplens.testing.sample_media import sample_tone, sample_wav
from shoplens.testing.tiny_encoders import loud_in

pytest.importorskip("faster_whisper", reason="the extra `speech` is not installed")

#: Sentences that the base network gets right; see `test_hard_sentence` for the other.
SENTENCES = ("answer", "this-is-the-content-of-the-document")


@pytest.fixture(scope="module")
def recogniser(model_cache: Path) -> WhisperRecogniser:
    return WhisperRecogniser.open(EncoderOptions(model_cache, threads=1))


def recorded(name: str, pool: MediaPool) -> Sound:
    root = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 - tests may say where a developer keeps data
    path = Path(root or "") / "media" / f"{name}.wav"
    if root is None or not path.exists():
        pytest.skip(f"set SHOPLENS_BENCH to the folder that holds media/{name}.wav")
    return pool.sound(path, path.name, MediaLimits())


def words(text: str) -> str:
    return "-".join(re.findall(r"\w+", text.casefold()))


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_word_for_word(name: str, recogniser: WhisperRecogniser, pool: MediaPool) -> None:
    sound = recorded(name, pool)
    heard = recogniser.transcribe(sound)
    assert words(heard.text) == name
    assert heard.language == "en"
    assert all(0 <= one.start <= one.end <= len(sound) / SOUND_RATE + 0.5 for one in heard.segments)
    assert all(0 < one.confidence <= 1 for one in heard.segments)


@pytest.mark.slow
def test_hard_sentence(recogniser: WhisperRecogniser, pool: MediaPool) -> None:
    """The last word of this recording fades into noise; the base network hears all but that one."""
    heard = recogniser.transcribe(recorded("the-context-for-this-answer-is-here", pool), words=True)
    assert words(heard.text).startswith("the-context-for-this-answer-is-he")
    assert heard.segments[0].words[1].text == "context"


@pytest.mark.slow
def test_speech_as_it_comes(recogniser: WhisperRecogniser, pool: MediaPool) -> None:
    silence = np.zeros(int(1.2 * SOUND_RATE), np.float32)
    sentence = recorded("this-is-the-content-of-the-document", pool)
    content = sample_wav(np.concatenate([silence, sentence, silence, sentence]))
    pieces = [content[start : start + 16_000] for start in range(0, len(content), 16_000)]
    heard = list(transcribe_stream(pool, recogniser, pieces))
    final = [segment for one in heard for segment in one.final]
    assert [words(one.text) for one in final] == ["this-is-the-content-of-the-document"] * 2
    assert final[0].start == pytest.approx(1.2, abs=0.6)
    assert final[1].start > final[0].end
    assert any(one.partial for one in heard)


def test_nobody_speaks(recogniser: WhisperRecogniser) -> None:
    """Whisper alone says "Thank you." and "you" to all of these."""
    random = np.random.default_rng(0)
    for sound in (
        np.zeros(0, np.float32),
        np.zeros(3 * SOUND_RATE, np.float32),
        sample_tone(3.0),
        random.normal(0, 0.1, 3 * SOUND_RATE).astype(np.float32),
        np.sign(sample_tone(2.0, pitch=50)) * np.float32(0.2),
        np.full(SOUND_RATE, np.nan, np.float32),
    ):
        assert recogniser.transcribe(sound) == NOTHING_SAID


def found(text: str, **more: float) -> Any:
    about = {"start": 0.0, "end": 3.0, "avg_logprob": -0.3, "no_speech_prob": 0.1, "compression_ratio": 1.0, **more}
    return SimpleNamespace(text=f" {text}", words=None, **about)


@pytest.mark.parametrize(
    ("segment", "kept"),
    [
        (found("A red jacket, please."), True),
        (found("Uncertain but spoken.", avg_logprob=-1.5), True),
        (found("Thanks for watching!", avg_logprob=-1.5, no_speech_prob=0.5), False),
        (found("again " * 30, compression_ratio=9.0), False),
        (found("go on and go on and go on and go on and go on and go on and "), False),
        (found("谢谢谢谢谢谢谢谢谢谢谢谢"), False),
        (found("这是文件的内容"), True),
        (found("nobody can say all of this in no time"), False),
        (found("..."), False),
        (found(""), False),
    ],
)
def test_what_nobody_said_is_dropped(segment: Any, kept: bool, recogniser: WhisperRecogniser, monkeypatch: Any) -> None:
    about = SimpleNamespace(language="en")
    monkeypatch.setattr(recogniser, "_listen", lambda *arguments: ([segment], about))
    monkeypatch.setattr(recogniser, "_network", SimpleNamespace(get=lambda: None))
    monkeypatch.setattr(speech, "speech_in", lambda samples: [(0.1, 0.6)])
    heard = recogniser.transcribe(np.zeros(SOUND_RATE, np.float32))
    assert heard.text == (segment.text.strip() if kept else "")
    assert heard.language == ("en" if kept else "")


def test_the_same_line_again_and_again_is_cut() -> None:
    lines = [found("Subscribe!") for _ in range(9)]
    assert len(list(speech._kept(((speech._segment(one, "en"), one) for one in lines), 30.0))) == speech.CIRCLES


@pytest.mark.parametrize(
    ("device", "expected"),
    [("auto", ("auto", 0)), ("cpu", ("cpu", 0)), ("cuda", ("cuda", 0)), ("cuda:1", ("cuda", 1)), ("mps", ("cpu", 0))],
)
def test_it_listens_on_the_device_that_was_named(
    device: str, expected: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr("faster_whisper.WhisperModel", lambda folder, **named: told.update(named))
    options = EncoderOptions(model_cache=tmp_path, device=device, model="small")
    whisper.WhisperNetwork(options)._load()
    assert (told["device"], told["device_index"]) == expected


def test_circles() -> None:
    assert not goes_in_circles("")
    assert not goes_in_circles("no no no")
    assert not goes_in_circles("the red one and the blue one and the green one")
    assert goes_in_circles("no " * 12)


def test_voices_are_found(pool: MediaPool) -> None:
    sentence = recorded("this-is-the-content-of-the-document", pool)
    silence = np.zeros(2 * SOUND_RATE, np.float32)
    stretches = speech_in(np.concatenate([silence, sentence, silence]))
    assert len(stretches) == 1
    assert stretches[0][0] == pytest.approx(2.0, abs=0.5)


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(whisper, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"shoplens\[speech\]"):
        WhisperRecogniser.open(EncoderOptions(tmp_path))


def test_another_network_from_a_folder(model_cache: Path, recogniser: WhisperRecogniser, tmp_path: Path) -> None:
    recogniser.load()
    (folder,) = (one for one in model_cache.glob("whisper-base-*") if one.is_dir())
    other = WhisperRecogniser.open(EncoderOptions(model_cache, model=str(folder)))
    assert other.name == f"whisper-{folder.name}"
    assert other.version != recogniser.version
    with pytest.raises(ModelFileError, match=r"no model\.bin"):
        WhisperRecogniser.open(EncoderOptions(model_cache, model=str(tmp_path)))


class Scripted(WhisperRecogniser):
    """Says how many samples it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def transcribe(self, sound: Sound, *, language: str | None = None, words: bool = False) -> Transcript:
        self.given.append(len(sound))
        if not sound.any():
            return NOTHING_SAID
        end = len(sound) / SOUND_RATE
        return Transcript("words", "en", (Segment("words", 0.0, end, 0.9),))


def talk(
    monkeypatch: pytest.MonkeyPatch, voice: list[tuple[float, float]], seconds: float
) -> tuple[Scripted, list[Any]]:
    """A live transcript of a recording in which somebody speaks at `voice`, marked by loud samples."""

    monkeypatch.setattr("shoplens.encoders.speech_live.speech_in", loud_in)
    sound = np.zeros(int(seconds * SOUND_RATE), np.float32)
    for first, last in voice:
        sound[int(first * SOUND_RATE) : int(last * SOUND_RATE)] = 0.5
    recogniser = Scripted()
    transcript = LiveTranscript(recogniser)
    heard = [transcript.feed(sound[start : start + 1_600]) for start in range(0, len(sound), 1_600)]
    return recogniser, [*heard, transcript.finish()]


def test_pauses_settle_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    _, heard = talk(monkeypatch, [(1, 2), (4, 7)], 9)
    final = [segment for one in heard[:-1] for segment in one.final]
    assert len(final) == 2
    assert heard[-1].segments == tuple(final)
    assert final[0].end < 4 < final[1].end
    assert [one.partial for one in heard[:-1]].count("words") > 0


def test_memory_and_work_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser, heard = talk(monkeypatch, [(0, 70)], 70)
    assert max(recogniser.given) <= (LONGEST_SECONDS + 1) * SOUND_RATE
    assert len(recogniser.given) < 60
    assert heard[-1].segments[-1].end == pytest.approx(70, abs=0.2)
    silent, nothing = talk(monkeypatch, [], 30)
    assert silent.given == [SOUND_RATE // 2] or sum(silent.given) < SOUND_RATE
    assert all(not one.final for one in nothing[:-1])


def test_recordings_that_are_too_long_are_refused(recogniser: WhisperRecogniser) -> None:
    transcript = LiveTranscript(recogniser, max_seconds=1.0)
    with pytest.raises(InputError, match="too long"):
        transcript.feed(np.zeros(2 * SOUND_RATE, np.float32))
