"""The registry names what exists, and errors that help."""

import pytest

from shoplens import registry
from shoplens.errors import ConfigurationError


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, parts in registry.PARTS.items() for name in parts])
def test_every_name_leads_to_a_class(kind: str, name: str) -> None:
    assert isinstance(registry.find(kind, name), type)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="popularity"):
        registry.find("models", "magic")
