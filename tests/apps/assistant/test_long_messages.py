"""No text, however built, holds a process up: patterns look at each letter a few times, not at each pair of letters."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from shoplens.apps.assistant.safety import speaks_to_us, why_refused
from shoplens.apps.assistant.understanding.acts import act_of
from shoplens.apps.assistant.understanding.questions import follows, names_only, parts_of, terse
from shoplens.apps.assistant.understanding.slots import slots_of
from shoplens.apps.attributes.patterns import patterns_in

LONGEST = 2_000  # characters of a message
SECONDS = 0.5  # of the processor; quadratic ones took up to 20
UNITS = (",", "\n", ".", "1", "1.", "1x", "1 ", " ", "a", "a ", "，", "的", "- ", "five ", "order ")
TAILS = ("", "!", " aa bb cc dd ee")


@pytest.mark.parametrize(
    "read", [why_refused, speaks_to_us, act_of, terse, names_only, follows, parts_of, slots_of, patterns_in]
)
def test_long_messages_are_read_quickly(read: Callable[[str], object]) -> None:
    for unit in UNITS:
        for tail in TAILS:
            text = (unit * LONGEST)[:LONGEST] + tail
            began = time.process_time()
            read(text)
            assert time.process_time() - began < SECONDS, f"{read.__name__} of {unit!r} … {tail!r}"
