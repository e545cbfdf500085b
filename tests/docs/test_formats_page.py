"""docs/formats.md names exactly the formats, fields and event types that are there."""

import re
from pathlib import Path

import pytest

from shoplens.domain.events import EventType
from shoplens.ingest.events import FORMATS as EVENT_FORMATS
from shoplens.ingest.products import FIELDS
from shoplens.ingest.products import FORMATS as PRODUCT_FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
PARTS = {part.split(":")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)}


@pytest.mark.parametrize(("part", "known"), [("Products", PRODUCT_FORMATS), ("Events", EVENT_FORMATS)])
def test_formats(part: str, known: dict[str, object]) -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PARTS[part], re.MULTILINE)) == set(known)


def test_event_types() -> None:
    (types,) = re.findall(r"Types: `([^`]*)`", PARTS["Events"])
    assert set(types.split()) == {kind.value for kind in EventType}


def test_product_fields() -> None:
    (names,) = re.findall(r"Our names: `([^`]*)`", PARTS["Products"])
    assert set(names.split()) == set(FIELDS) - {"attributes"}
