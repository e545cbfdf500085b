"""Shared by all tests."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own SHOPLENS_… variables must not change what is tested."""
    for name in list(os.environ):  # noqa: TID251 - the tests' own environment, not a setting
        if name.startswith("SHOPLENS_") and name != "SHOPLENS_BENCH":
            monkeypatch.delenv(name)
