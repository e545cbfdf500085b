"""docs/settings.md names every setting with its true default, and nothing else."""

import re
from pathlib import Path

from pydantic import BaseModel

from shoplens.domain.events import EVENT_WEIGHTS
from shoplens.learning.model_settings import make_factories
from shoplens.service.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def _defaults(model: BaseModel, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            found |= _defaults(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = ", ".join(value) if isinstance(value, tuple) else str(value).replace("None", "none")
    return found


def test_every_setting_is_documented_with_its_default() -> None:
    first_table = PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]*)`? \|", first_table, re.MULTILINE)
    assert dict(rows) == _defaults(Settings.read(None))


def test_every_event_is_documented_with_its_weight() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## What an event says")[1]
    rows = re.findall(r"^\| `([a-z_]+)` \| ([-0-9.]+) \|", section, re.MULTILINE)
    assert {name: float(weight) for name, weight in rows} == {kind.value: one for kind, one in EVENT_WEIGHTS.items()}


def test_the_examples_are_settings_that_work(tmp_path: Path) -> None:
    for number, example in enumerate(re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(example, encoding="utf-8")
        make_factories(Settings.read(file).train.tables, 0)
