"""Lines of standard input as they come, for commands that stand in a pipe."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from io import BufferedReader
from typing import cast

BYTES_AT_ONCE = 8_192


def piped_lines() -> Iterator[list[str]]:
    """Lines without their ends: those that are there already together, others as soon as they are whole.

    `readlines` would wait for many lines or the end, and `tail -f` has none. The input is UTF-8; what is not becomes
    U+FFFD, and a byte order mark is left out.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    source = cast("BufferedReader", sys.stdin.buffer)
    begun: list[str] = []  # of a line that is not whole yet
    while piece := source.read1(BYTES_AT_ONCE):
        first, *others = decoder.decode(piece).split("\n")
        begun.append(first)
        if others:
            *whole, last = ["".join(begun), *others]
            begun = [last]
            yield [line.removesuffix("\r") for line in whole]
    rest = "".join(begun) + decoder.decode(b"", final=True)
    if rest:
        yield [rest.removesuffix("\r")]
