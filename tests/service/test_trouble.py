"""What lasts is told seldom: at the beginning, once a minute, at the end."""

from __future__ import annotations

import logging

import pytest

from shoplens.service.trouble import Trouble


def test_an_outage_is_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    trouble = Trouble(logging.getLogger("shoplens.test"), "alerts are not delivered yet", clock=lambda: now)
    trouble.over()
    assert not caplog.messages, "nothing was wrong"
    for look in range(240):
        now = look / 2
        trouble.met(OSError("away"))
    now = 120.0
    trouble.over()
    trouble.over()
    assert caplog.messages == [
        "alerts are not delivered yet: away",
        "alerts are not delivered yet, for 60 seconds now: away",
        "over after 120 seconds: alerts are not delivered yet",
    ]
    trouble.met(OSError("away again"))
    assert caplog.messages[-1] == "alerts are not delivered yet: away again"
