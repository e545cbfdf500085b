"""Times are told in one form, and what is told can be sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shoplens.domain.moments import told
from shoplens.http.wire.fields import Time, Told, microseconds

SENT: TypeAdapter[datetime] = TypeAdapter(Time)


@given(st.integers(0, 4_102_444_800_000_000))
def test_what_is_told_can_be_sent_again_to_the_microsecond(moment: int) -> None:
    assert microseconds(SENT.validate_python(told(moment))) == moment
    assert told(told(moment)) == told(moment)


@pytest.mark.parametrize(
    "moment",
    [
        1_700_000_000_000_000,
        "2023-11-14T22:13:20+00:00",
        "2023-11-14T22:13:20",
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_every_form_is_told_alike(moment: int | str | datetime) -> None:
    assert told(moment) == "2023-11-14T22:13:20Z"


def test_what_is_no_time_stays() -> None:
    assert told("") == ""
    assert told(None) is None


def test_openapi_says_that_it_is_a_time() -> None:
    assert TypeAdapter(Told).json_schema(mode="serialization") == {"type": "string", "format": "date-time"}
