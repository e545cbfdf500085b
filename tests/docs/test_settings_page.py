"""docs/settings.md names every setting with its true default, and nothing else."""

import re
from pathlib import Path

from pydantic import BaseModel

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
    rows = re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]*)`? \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == _defaults(Settings.read(None))
