"""What is wanted now: by everybody's events, whichever process took them in and whenever this one began."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.events import Event, EventType
from shoplens.service import trends
from shoplens.service.runtime import Runtime
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import open_tiny_shop

NOW = 1_800_000_000_000_000  # microseconds since 1970; after the tiny shop's last event


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path) as opened:
        yield opened


def beside(shop: Runtime) -> Runtime:
    """The same shop in another process."""
    return Runtime(shop.workspace, open_store(shop.workspace.database_url))


def bought(number: int, item: str = "p005") -> Event:
    return Event(event_type=EventType.PURCHASE, timestamp=NOW + number, user_id=f"buyer-{number}", item_id=item)


def wanted(shop: Runtime, item: str = "p005") -> float:
    row = shop.facts.row(item)
    return float(shop.trends.trending.scores(row + 1)[row])


def sums(shop: Runtime) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return shop.trends.trending.scores(len(shop.facts.columns))


def test_what_others_took_in_counts(shop: Runtime) -> None:
    with beside(shop) as other:
        shop.follow_trends()
        other.follow_trends()
        before = sums(shop)
        np.testing.assert_allclose(sums(other), before)
        shop.append_events([bought(number) for number in range(300)])
        assert wanted(shop) == 1.0, "at once where it came in"
        assert wanted(other) == pytest.approx(before[shop.facts.row("p005")])
        other.follow_trends()
        shop.follow_trends()
        np.testing.assert_allclose(sums(other), sums(shop), rtol=1e-6)


def test_a_restart_forgets_nothing(shop: Runtime) -> None:
    shop.follow_trends()
    shop.append_events([bought(number) for number in range(300)])
    with beside(shop) as later:
        assert wanted(later) == 0.0
        later.follow_trends()
        np.testing.assert_allclose(sums(later), sums(shop), rtol=1e-6)


def test_only_the_latest_events_are_looked_back_at(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trends, "LOOKED_BACK", 2)
    shop.append_events([bought(1, "p001"), bought(2, "p002"), bought(3, "p003")])
    with beside(shop) as later:
        later.follow_trends()
        assert [wanted(later, name) > 0 for name in ("p001", "p002", "p003", "p005")] == [False, True, True, False]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["here", "there", "here follows", "there follows"]), st.integers(0, 30))))
def test_each_event_counts_once_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    with open_tiny_shop(tmp_path_factory.mktemp("shop")) as here, beside(here) as there:
        for step, number in steps:  # equal numbers are repetitions, which count once
            runtime = here if step.startswith("here") else there
            if step.endswith("follows"):
                runtime.follow_trends()
            else:
                runtime.append_events([bought(number, f"p{number % 7 + 1:03}")])
        for runtime in (here, there):
            runtime.follow_trends()
        np.testing.assert_allclose(sums(here), sums(there), rtol=1e-6)
        with beside(here) as fresh:
            fresh.follow_trends()
            np.testing.assert_allclose(sums(here), sums(fresh), rtol=1e-6)
