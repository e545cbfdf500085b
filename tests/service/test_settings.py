"""Settings: precedence, errors that name the setting, workspaces."""

from pathlib import Path

import pytest

from shoplens.errors import ConfigurationError
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace


def test_a_new_workspace_opens_with_defaults(tmp_path: Path) -> None:
    created = Workspace.create(tmp_path / "shop")
    opened = Workspace.open(tmp_path / "shop")
    assert opened.settings.model_dump() == created.settings.model_dump()
    assert opened.database_url.startswith("sqlite:///")
    assert opened.bundles.is_dir()


def test_environment_wins_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "shoplens.toml"
    file.write_text("[server]\nport = 9000\nworkers = 2\n")
    monkeypatch.setenv("SHOPLENS_SERVER__PORT", "9001")
    server = Settings.read(file).server
    assert (server.port, server.workers) == (9001, 2)


def test_two_files_do_not_mix(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text('language = "zh"\n')
    second.write_text("")
    assert Settings.read(first).language == "zh"
    assert Settings.read(second).language == "en"


@pytest.mark.parametrize(("text", "named"), [("[train]\nseed = 'x'\n", "train.seed"), ("colour = 1\n", "colour")])
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "shoplens.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=named):
        Settings.read(file)


def test_a_folder_without_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="shoplens init"):
        Workspace.open(tmp_path)


def test_passwords_stay_out_of_text(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, database_url="postgresql+psycopg://user:hunter2@host/shop")
    assert "hunter2" not in repr(workspace.settings)
    assert "hunter2" in workspace.database_url
