"""docs/models.md names models, encoders and settings that exist, and none is missing where it says all."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.tune import tune
from shoplens.learning.model_settings import make_factories
from shoplens.models.fusion.config import CHOICES, FusionConfig
from shoplens.models.linear.settings import LinearSettings
from shoplens.registry import names
from shoplens.service.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
PARTS = {part.split("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}


def test_every_model_is_named() -> None:
    for name in names("models"):
        assert f"`{name}`" in PAGE, name


@pytest.mark.parametrize("setting", ["history", "fusion"])
def test_the_choices_are_the_choices(setting: str) -> None:
    table = PARTS["fusion"].split(f"| `{setting}` |")[1].split("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == CHOICES[setting]


@pytest.mark.parametrize(
    ("part", "kind", "elsewhere"),
    [("fusion", FusionConfig, {"fusion"}), ("linear", LinearSettings, {"select", "seed"})],
)
def test_every_setting_is_in_a_group(part: str, kind: type, elsewhere: set[str]) -> None:
    groups = PARTS[part].split("| group |")[1]
    named = {name for row in re.findall(r"^\| [A-Za-z ]+ \| (`[^|]*) \|", groups, re.MULTILINE) for name in row.split()}
    assert {name.strip("`") for name in named} | elsewhere == {one.name for one in fields(kind)}


def test_the_example_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "shoplens.toml"
    file.write_text(example, encoding="utf-8")
    made = make_factories(Settings.read(file).train.tables, 0)
    assert set(made) == {"fusion", "content-ranker"}


def test_options_of_tune_exist() -> None:
    assert callable(tune)
    usage = CliRunner().invoke(app, ["tune", "--help"], env={"COLUMNS": "200"}).stdout
    for option in re.findall(r"--[a-z-]+", PARTS["Finding settings"]):
        assert option in usage


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
