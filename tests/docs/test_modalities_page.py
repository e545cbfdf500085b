"""docs/modalities.md runs as it stands, on small files, with encoders that need no weights."""

from __future__ import annotations

import io
import pkgutil
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageOps
from typer.testing import CliRunner

import shoplens.cli
from shoplens.cli.app import app
from shoplens.encoders.colour import ColourEncoder
from shoplens.encoders.image import EfficientNetLite0
from shoplens.encoders.media import MediaLimits
from shoplens.encoders.media_pool import PHOTO_MEMORY, PHOTO_SECONDS
from shoplens.features.align.training import LEAST_PAIRS
from shoplens.features.inputs import MOST_PHOTOS
from shoplens.features.media_inputs import MOST_SOUNDS, MOST_VIDEOS
from shoplens.http.app import create_app
from shoplens.http.recording import HELD, IDLE_SECONDS
from shoplens.learning.finetune.sides import HELD_OUT
from shoplens.registry import PARTS
from shoplens.service.embedding import READ_AT_ONCE
from shoplens.service.encoders import MODALITIES
from shoplens.service.runtime import Runtime
from shoplens.service.settings import EncoderSettings, ImageSettings, MediaSettings, Settings
from shoplens.service.workspace import Workspace
from shoplens.testing.sample_media import BLUE, RED, sample_scene, sample_tone, sample_video, sample_wav
from shoplens.testing.tiny_encoders import TINY, tiny_parts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "modalities.md").read_text(encoding="utf-8")
PARTS_OF_PAGE = {part.split("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}


def blocks(heading: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PARTS_OF_PAGE[heading], re.DOTALL)


def commands(heading: str) -> list[list[str]]:
    """Words of every command of a section."""
    return [shlex.split(line, comments=True) for block in blocks(heading, "sh") for line in block.splitlines()]


for command in pkgutil.walk_packages(shoplens.cli.__path__, "shoplens.cli."):  # each adds itself to `app`
    import_module(command.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with the files that the page speaks of, and encoders without weights."""
    folder = tmp_path_factory.mktemp("page")
    Workspace.create(folder, encoders=TINY)
    (folder / "photos").mkdir()
    flower = sample_scene(RED, (160, 120), seed=1)
    flower.save(folder / "photos" / "flower.jpg")
    flower.resize((120, 90)).save(folder / "photos" / "flower-again.jpg")
    tea = ImageOps.expand(Image.new("RGB", (80, 80), (40, 110, 60)), 40, "white")
    tea.save(folder / "photos" / "tea.png")
    scenes = [sample_scene(RED, seed=1), sample_scene(BLUE, seed=2)]
    (folder / "clip.mp4").write_bytes(sample_video(scenes, sound=sample_tone(2.0, rate=48_000)))
    (folder / "voice.wav").write_bytes(sample_wav(sample_tone(1.0)))
    (folder / "note.txt").write_text("green tea, 100 g")
    (folder / "products.csv").write_text(blocks("Your catalogue", "csv")[0])
    with tiny_parts():
        yield folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def run(words: list[str], stdin: bytes | None = None) -> str:
    assert words[0] == "shoplens"
    result = CliRunner().invoke(app, words[1:], input=stdin, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_own_files_on_the_command_line_and_from_python(folder: Path) -> None:
    first, second, third = commands("Your own files, without a shop")
    told = [orjson.loads(line) for line in run(first).splitlines()]
    assert [one["kind"] for one in told] == ["image", "image", "image", "video", "text"]
    assert len(told[3]["shots"]) == 2
    run(second)
    with np.load(folder / "features.npz") as features:
        assert {"image", "colour", "video", "audio", "speech", "ocr"} <= set(features.files)
    run(third)
    assert (folder / "features.parquet").stat().st_size


def test_python_of_own_files(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("Your own files, without a shop", "python")
    # The page reads with the default encoders; here with those of the workspace, which need no weights.
    code = code.replace('"voice.wav"]', '"voice.wav"], workspace=shop')
    exec(compile(code, "modalities.md", "exec"), {"shop": Workspace.open(Path())})
    told = capsys.readouterr().out
    assert "shot from 0.0 to 1.0 s" in told
    assert "'about 1 seconds' at 0.0" in told


def test_a_catalogue(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands("Your catalogue"):
        run(words)
    ids = orjson.loads((folder / "vectors" / "ids.json").read_bytes())
    assert ids["text"] == ["p1", "p2", "p3"]
    assert (ids["image"], ids["video"], ids["audio"]) == (["p1", "p2"], ["p1"], ["p1", "p2"])
    scope: dict[str, Any] = {}
    for code in blocks("Your catalogue", "python"):
        exec(compile(code, "modalities.md", "exec"), scope)
    told = capsys.readouterr().out
    assert "p1 [('organic 1', 0," in told
    assert "p1 video 0, 0.0–1.0 s" in told


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with Runtime.open(folder) as shop, TestClient(create_app(shop)) as client:
        yield client


def curl(client: TestClient, words: list[str]) -> Any:
    """What curl would send: -H, -d and -F."""
    url = words[1].removeprefix("localhost:8000")
    pairs = list(zip(words[2::2], words[3::2], strict=True))
    body = [value for option, value in pairs if option == "-d"]
    form: list[Any] = []
    for name, _, value in (value.partition("=") for option, value in pairs if option == "-F"):
        file = Path(value[1:])
        part = (file.name, io.BytesIO(file.read_bytes())) if value.startswith("@") else (None, value)
        form.append((name, part))
    assert {option for option, _ in pairs} <= {"-H", "-d", "-F"}
    if body:
        headers = dict(value.split(": ") for option, value in pairs if option == "-H")
        return client.post(url, content=body[0].encode(), headers=headers)
    return client.post(url, files=form) if form else client.get(url)


def test_over_http(client: TestClient) -> None:
    texts, media, upload, listed = (curl(client, words) for words in commands("Over HTTP"))
    assert len(texts.json()["data"]) == 2
    tea, clip, text = media.json()["data"]
    assert (tea["modality"], clip["modality"], text["modality"]) == ("image", "video", "text")
    assert len(clip["shots"]) == 2
    assert tea["found_text"][0]["text"].startswith("organic")
    assert clip["transcript"][0]["text"] == "about 2 seconds"
    assert upload.status_code == 201
    assert [one["kind"] for one in listed.json()["media"]] == ["image", "video"]
    refused = client.post("/v1/embeddings", json={"input": "red", "space": "shared"})
    assert refused.status_code >= 400  # until train has learnt it
    assert "shoplens train" in refused.text


def test_speech_while_it_is_spoken(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    lines, subtitles, stdin, whole, events = commands("Speech while it is spoken")
    assert run(lines).split(maxsplit=3)[3] == "about 1 seconds\n"
    assert "00:00:02,0" in run(subtitles)
    assert stdin[-2:] == ["<", "voice.wav"]
    assert '"text":"' in run(stdin[:-2], Path("voice.wav").read_bytes())
    assert curl(client, whole).json()["segments"][0]["text"] == "about 1 seconds"
    assert "transcript.text.done" in curl(client, events).text
    pytest.importorskip("faster_whisper", reason="the extra `speech` is not installed")
    (code,) = blocks("Speech while it is spoken", "python")
    capsys.readouterr()
    exec(compile(code, "modalities.md", "exec"), {})
    assert not capsys.readouterr().out  # a tone says nothing, so the network is not asked


def test_limits_of_a_stream_are_those_of_the_code() -> None:
    section = " ".join(PARTS_OF_PAGE["Speech while it is spoken"].split())
    assert IDLE_SECONDS == 30
    assert "nothing sent for 30 seconds" in section
    assert HELD == 1_000_000
    assert "a megabyte" in section


def test_colours_and_doubles(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("Colours, doubles, several photos", "python")
    exec(compile(code, "modalities.md", "exec"), {})
    colours, doubles = capsys.readouterr().out.splitlines()
    assert "green" in colours
    assert "绿" in colours
    assert doubles == "[[0, 1]]"


def test_options_and_tasks_exist() -> None:
    for words in [*commands("Words find photos"), *commands("Fine-tuning")]:
        depth = 3 if words[1] == "bench" else 2
        usage = CliRunner().invoke(app, [*words[1:depth], "--help"], env={"COLUMNS": "200"}).stdout
        for word in words[depth:]:
            assert not word.startswith("--") or word in usage, word
        if "--task" in words:
            assert words[words.index("--task") + 1] in usage
    usage = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).stdout
    assert "--finetune-minutes" in usage


def test_the_table_of_modalities() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*?\| (?:`([\w-]+)`|.*?)[^|]* \| (\d+) \|$", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} == set(MODALITIES)
    encoders = EncoderSettings()
    for name, encoder, size in rows:
        assert encoder == getattr(encoders, name), name
        known = {"image": EfficientNetLite0.size, "video": EfficientNetLite0.size, "colour": ColourEncoder.size}
        assert int(size) == known.get(name, int(size))
    assert (MOST_PHOTOS, MOST_VIDEOS, MOST_SOUNDS) == (5, 3, 3)


def test_other_models_are_known_names() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PARTS_OF_PAGE["Other models"], re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    for name in names:
        kind, colon, _ = name.partition(":")
        assert kind + colon in PARTS["encoders"], name
    (example,) = blocks("Other models", "toml")
    file = Path("other.toml")
    file.write_text(example, encoding="utf-8")
    assert Settings.read(file).encoders.image == "hub:/models/clip"


def test_limits_are_those_of_the_settings() -> None:
    section = PARTS_OF_PAGE["Files that mean harm"]
    images, media, limits = ImageSettings(), MediaSettings(), MediaLimits()
    assert f"| {images.max_bytes:,} | {media.max_bytes:,} |" in section
    kept = f"{media.max_frames} frames kept, the first {media.max_sound_seconds:.0f} seconds of sound"
    assert f"| {images.max_pixels:,} pixels | {kept} |" in section
    photo = f"{PHOTO_SECONDS:.0f} seconds, {PHOTO_MEMORY >> 30} GiB"
    assert f"| {photo} | {media.decode_seconds:.0f} seconds, {media.memory_mb:,} MB |" in section
    assert f"| {images.timeout_seconds:.0f} seconds between pieces | {media.timeout_seconds:.0f} seconds" in section
    assert limits.max_bytes == media.max_bytes


def test_numbers_of_products() -> None:
    assert f"From {LEAST_PAIRS} products" in PAGE
    assert f"It takes {int(LEAST_PAIRS / (1 - HELD_OUT)) + 1} products" in PAGE
    assert f"more than {READ_AT_ONCE:,}" in PAGE.replace("\n", " ")


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
