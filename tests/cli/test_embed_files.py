"""`shoplens embed` on loose files, its export and its pruning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from shoplens.cli import init as _other  # noqa: F401 - with a single command typer expects no command name
from shoplens.cli.app import app
from shoplens.cli.embed import embed as _command  # noqa: F401 - registers the command
from shoplens.domain.catalogue import Product
from shoplens.encoders.audio import WhisperAudioEncoder
from shoplens.encoders.speech import WhisperRecogniser
from shoplens.errors import ConfigurationError, MissingExtraError
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav
from shoplens.testing.tiny_encoders import TINY, tiny_parts

QUICK = {"text": "hashed-ngrams", "image": "off", "video": "off", "audio": "off", "speech": "off"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "deeper").mkdir(parents=True)
    picture = Image.new("RGB", (500, 160), "white")
    ImageDraw.Draw(picture).text((30, 40), "ORGANIC TEA", fill="black", font_size=60)
    picture.save(folder / "tea.jpg")
    (folder / "deeper" / "note.md").write_text("A red kettle.\n绿茶\n", encoding="utf-8")
    (folder / "deeper" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (folder / ".hidden").write_text("x")
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "shop", encoders=QUICK)
    return tmp_path / "shop"


def call(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["embed", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_line_of_json_for_each_file(files: Path, shop: Path) -> None:
    out = call("-w", shop, "--file", files / "tea.jpg", files / "deeper", code=1)
    tea, broken, note = (json.loads(line) for line in out.splitlines())
    assert (tea["kind"], set(tea["modalities"])) == ("image", {"colour", "ocr"})
    assert [tea["colours"][0][name] for name in ("en", "zh")] == ["grey", "灰色"]  # of letters, the ground is left out
    assert 0 < sum(one["share"] for one in tea["colours"]) <= 1 + 1e-6
    assert "colours" not in note
    assert tea["found_text"][0]["text"].upper() == "ORGANIC TEA"
    assert np.isclose(np.linalg.norm(tea["modalities"]["colour"]["vector"]), 1, atol=1e-4)
    assert "broken.png" in broken["refused"]
    assert (note["kind"], set(note["modalities"])) == ("text", {"text"})


def test_one_object_and_chosen_modalities(files: Path, shop: Path) -> None:
    out: dict[str, Any] = json.loads(call("-w", shop, "--modality", "colour", "--file", files / "tea.jpg", "--json"))
    (tea,) = out["files"]
    assert set(tea["modalities"]) == {"colour"}
    assert tea["found_text"] == []


@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_vectors_into_a_file(files: Path, shop: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"features{ending}"
    call("-w", shop, "--file", files, "--out", out, code=1)  # one of them is broken
    if ending == ".npz":
        with np.load(out, allow_pickle=False) as found:
            assert found["colour"].shape == (1, len(found["colour"][0]))
            assert found["text_files"].tolist() == [str(files / "deeper" / "note.md")]
    else:
        table = polars.read_parquet(out)
        assert sorted(table["modality"].to_list()) == ["colour", "ocr", "text"]
        assert table.schema["vector"] == polars.List(polars.Float32)
    with pytest.raises(ConfigurationError, match=r"\.npz or \.parquet"):
        call("-w", shop, "--file", files, "--out", tmp_path / "features.txt")


def test_no_workspace_is_needed(files: Path, tmp_path: Path) -> None:
    out = call("-w", tmp_path / "nowhere", "--modality", "colour", "--file", files / "tea.jpg")
    assert set(json.loads(out)["modalities"]) == {"colour"}
    assert not (tmp_path / "nowhere").exists()


def test_a_video_has_shots_and_words(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop", encoders=TINY)
    (tmp_path / "film.mp4").write_bytes(sample_video(sound=sample_tone(2.0, rate=48_000)))
    with tiny_parts():
        film = json.loads(call("-w", tmp_path / "shop", "--file", tmp_path / "film.mp4"))
    assert (film["kind"], set(film["modalities"])) == ("video", {"video", "audio", "speech"})
    assert [round(shot["start"]) for shot in film["shots"]] == [0, 1]
    assert [one["text"] for one in film["found_text"]] == ["about 2 seconds"]


def test_export_and_prune(shop: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(shop)
    Image.new("RGB", (30, 30), (200, 20, 20)).save(shop / "red.png")
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id="a", title="kettle"), Product(item_id="b", images=("red.png",))])
    store.close()
    call("-w", shop)
    facts = json.loads(call("-w", shop, "--export", tmp_path / "out", "--json"))["modalities"]
    ids = json.loads((tmp_path / "out" / "ids.json").read_bytes())
    assert ids == {"text": ["a"], "colour": ["b"]}
    vectors = np.load(tmp_path / "out" / "colour.npy", allow_pickle=False)
    assert (vectors.shape, vectors.dtype) == ((1, facts["colour"]["size"]), np.float32)
    assert json.loads(call("-w", shop, "--prune", "--json")) == {"tables": [], "uploads": 0}
    old = next((shop / "features" / "text").iterdir())
    old.rename(old.with_name("left-over"))
    (old.with_name("left-over") / "writer.lock").touch()
    call("-w", shop)
    assert json.loads(call("-w", shop, "--prune", "--json"))["tables"] == ["text/left-over"]


def test_what_is_too_large_is_said_at_once(tmp_path: Path) -> None:
    shop, text, sound = tmp_path / "shop", tmp_path / "long.txt", tmp_path / "long.wav"
    Workspace.create(shop, encoders=TINY, media={"max_bytes": 1_000_000})
    text.write_text("绿茶" * 200_000, encoding="utf-8")
    sound.write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + bytes(1_000_000))
    with tiny_parts():
        refused = [json.loads(line)["refused"] for line in call("-w", shop, "--file", text, sound, code=1).splitlines()]
    assert "a text of more than 1,000,000 bytes" in refused[0]
    assert "larger than 1,000,000 bytes" in refused[1]


def test_wrong_use(shop: Path, tmp_path: Path) -> None:
    call("-w", shop, "--out", tmp_path / "x.npz", code=2)
    assert "nowhere" in json.loads(call("-w", shop, "--file", tmp_path / "nowhere", code=1))["refused"]
    call("-w", shop, "--prune", "--export", tmp_path / "out", code=2)
    (tmp_path / "taken").write_text("x")
    with pytest.raises(ConfigurationError, match="nothing can be written into"):
        call("-w", shop, "--export", tmp_path / "taken")
    with pytest.raises(ConfigurationError, match="nothing can be written there"):
        call("-w", shop, "--file", shop / "shoplens.toml", "--out", tmp_path / "taken" / "x.npz")


def test_without_an_optional_part_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str, _modality: str = "") -> Any:
        raise MissingExtraError("listening", "speech")

    monkeypatch.setattr(WhisperAudioEncoder, "open", missing)
    monkeypatch.setattr(WhisperRecogniser, "open", missing)
    (tmp_path / "clip.mp4").write_bytes(sample_video(sound=sample_tone(2.0, rate=48_000)))
    (tmp_path / "voice.wav").write_bytes(sample_wav(sample_tone(0.5)))
    with tiny_parts():
        Workspace.create(tmp_path / "shop", encoders=TINY | {"audio": "whisper-base", "speech": "whisper-base"})
        told = call("-w", tmp_path / "shop", "--json", "--file", tmp_path / "clip.mp4", tmp_path / "voice.wav", code=1)
        clip, voice = json.loads(told)["files"]
        assert set(clip["modalities"]) == {"video"}
        assert "shoplens[speech]" in voice["refused"]
        assert set(json.loads(told)["left_out"]) == {"audio", "speech"}
        with pytest.raises(MissingExtraError):
            call("-w", tmp_path / "shop", "--modality", "speech", "--file", tmp_path / "voice.wav")
