"""The benchmark of photo → product: what it reads, which figures it tells, and what it refuses."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.bench import search as _command  # noqa: F401 - registers the command
from shoplens.errors import FormatError
from shoplens.learning.search_photo_product import Labelled, bench_photo_product

INKS = {"1": "#c81820", "2": "#1e54be", "3": "#fadc28", "4": "#287c3c"}


def drawn(ink: str, ground: str, random: np.random.Generator) -> bytes:
    photo = Image.new("RGB", (80, 80), ground)
    x, y = (40 + random.normal(0, 4, 2)).tolist()
    ImageDraw.Draw(photo).ellipse((x - 24, y - 24, x + 24, y + 24), fill=ink)
    stream = io.BytesIO()
    photo.save(stream, "PNG")
    return stream.getvalue()


def write_photos(folder: Path, split: str, each: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    lines = ["photo,product_id"]
    with zipfile.ZipFile(folder / f"photos-{split}.zip", "w") as archive:
        for item_id, ink in INKS.items():
            for number in range(each):
                grey = int(random.integers(80, 180))
                archive.writestr(f"{item_id}_{number}.png", drawn(ink, f"#{grey:02x}{grey:02x}{grey:02x}", random))
                lines.append(f"{item_id}_{number}.png,{item_id}")
    (folder / f"photos-{split}.csv").write_text("\n".join(lines))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    rows = ["product_id,title,category,image"]
    for item_id, ink in INKS.items():
        (tmp_path / f"{item_id}.png").write_bytes(drawn(ink, "white", random))
        rows.append(f"{item_id},Ball {item_id},Toys > Balls,{item_id}.png")
    (tmp_path / "products.csv").write_text("\n".join(rows))
    write_photos(tmp_path, "val", 3, 1)
    return tmp_path


def bench(folder: Path, told: list[str] | None = None) -> dict[str, object]:
    return bench_photo_product(
        folder, cache=folder, text="hashed-ngrams", image="colour",
        progress=lambda stage, done, total: told.append(stage) if told is not None else None,
    )  # fmt: skip


def test_pictures_alone(shop: Path) -> None:
    told: list[str] = []
    outcome = bench(shop, told)
    assert outcome["task"] == "photo-product"
    assert outcome["queries"] == 12
    assert float(str(outcome["recall@1"])) > 0.5
    assert "train_seconds" not in outcome
    assert {"look at photos", "make scenes"} == set(told)


def test_labelled_photos_and_what_stands_beside_them(shop: Path) -> None:
    write_photos(shop, "train", 15, 2)
    outcome = bench(shop)
    assert outcome["labelled_photos"] == 60
    assert float(str(outcome["recall@1"])) > 0.9
    for name in ("zero_shot", "one_shot", "zero_shot_adapted"):
        figures = outcome[name]
        assert isinstance(figures, dict)
        assert {"recall@1", "recall@10", "mrr", "ndcg@10"} <= set(figures)
    assert float(str(outcome["p99_ms"])) >= float(str(outcome["p50_ms"])) > 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photos-val.csv", "photo,product_id\n1_0.png,99", "'99', which is not in products.csv"),
        ("photos-val.csv", "photo,item\n1_0.png,1", "needs the column product_id"),
        ("products.csv", "product_id,title\n1,Ball", "needs the column image"),
    ],
)
def test_what_cannot_be_scored_is_refused(shop: Path, name: str, content: str, words: str) -> None:
    (shop / name).write_text(content)
    with pytest.raises(FormatError, match=words):
        bench(shop)


def test_an_absent_archive_is_named(shop: Path) -> None:
    with pytest.raises(FormatError, match=r"other\.zip is missing"):
        Labelled.read(shop / "other.zip", shop / "photos-val.csv")


def test_the_command_prints_one_object(shop: Path) -> None:
    arguments: Sequence[str] = [
        "bench", "search", str(shop), "--task", "photo-product", "--image", "colour", "--text", "hashed-ngrams",
        "--photos", str(shop / "photos-val.zip"), "--labels", str(shop / "photos-val.csv"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    outcome = orjson.loads(result.stdout)
    assert {"task", "recall@1", "recall@10", "mrr", "ndcg@10", "by_language", "p50_ms", "p99_ms"} <= set(outcome)
