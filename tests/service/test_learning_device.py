"""Where classifiers and taggers of a workspace learn: what is asked for, then the settings; and what is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli import classify as _classify  # noqa: F401 - each registers its command
from shoplens.cli import entities as _entities  # noqa: F401
from shoplens.cli import opinions as _opinions  # noqa: F401
from shoplens.cli.app import app
from shoplens.cli.bench import classify as _bench_classify  # noqa: F401
from shoplens.cli.bench import tag as _bench_tag  # noqa: F401
from shoplens.errors import ConfigurationError
from shoplens.models.text_body.settings import FineTuning
from shoplens.service.learning_device import on_device
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace

COMMANDS = (
    ("classify", "train", "texts.csv", "--name", "tone", "-w", "."),
    ("entities", "train", "marked.txt", "--name", "brands", "-w", "."),
    ("opinions", "train", "texts.csv", "-w", "."),
    ("bench", "classify", "texts.csv", "others.csv"),
    ("bench", "tag", "."),
)


def test_what_is_asked_for_counts_before_the_settings() -> None:
    settings = Settings.model_validate({"encoders": {"device": "cpu", "learning_precision": "bfloat16"}})
    learning = FineTuning(epochs=7)
    assert on_device(learning, settings) == replace(learning, device="cpu", precision="bfloat16")
    asked = on_device(learning, settings, "auto", "float32")
    assert asked == replace(learning, device="auto", precision="float32")
    nowhere = Settings.model_validate({"encoders": {"device": "cuda:99"}})
    with pytest.raises(ConfigurationError, match="no device 'cuda:99' on this machine; write auto or cpu"):
        on_device(learning, nowhere)
    assert on_device(learning, nowhere, "cpu").device == "cpu"
    assert on_device(learning, nowhere, effort="fast") == learning, "nothing is learnt there"
    with pytest.raises(ConfigurationError, match="cuda:98"):
        on_device(learning, nowhere, "cuda:98", effort="fast")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: "-".join(one[:2]))
def test_a_device_that_is_not_there_is_said_before_anything_is_learnt(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Workspace.create(tmp_path)
    (tmp_path / "texts.csv").write_text("text,label\nfine,positive\nawful,negative\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*command, "--device", "cuda:99"])
    assert isinstance(done.exception, ConfigurationError)
    assert "'cuda:99'" in str(done.exception)
    help_ = CliRunner().invoke(app, [*command[:2], "--help"], env={"COLUMNS": "200"}).output
    assert "encoders.device" in help_
    assert "encoders.learning_precision" in help_
