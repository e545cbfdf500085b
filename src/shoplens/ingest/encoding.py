"""Which encoding a text is in, and a stream that turns any of them into UTF-8.

UTF-8 is nearly certain when it decodes. GB18030 decodes almost anything, so it is chosen only when the characters are
those of written Chinese: in GB2312's area, where both bytes are at least 0xA1. In Western text a lone accented letter
is followed by an ASCII letter, so few of its "pairs" fall there.
"""

from __future__ import annotations

import codecs
import re
from io import RawIOBase
from typing import Any, BinaryIO

import charset_normalizer

_SAMPLE = 256 << 10  # bytes that are judged
_SEARCHED = 64 << 20  # bytes searched for the first one that is not ASCII
_BLOCK = 1 << 20
_CHINESE_SHARE = 0.8  # of two-byte characters in GB2312's area; Chinese text has above .95, Western below .3
_UTF8_LINES = 0.2  # of the lines outside ASCII, for a file that mixes encodings
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EASTERN = ["big5", "shift_jis", "euc_jp", "euc_kr", "cp1251", "cp1253", "koi8_r"]
_WESTERN = ["cp1252", "cp1250", "cp1254"]
_ENOUGH = 1_000  # characters outside ASCII before the kinds of Western are told apart; in a few, chance decides
_PAIR = re.compile(rb"[\x80-\xff]{2,}")


def detect_encoding(file: BinaryIO) -> str:
    """Python's name of the encoding of a stream at its start; reads up to 64 MiB of it."""
    head = file.read(_SAMPLE)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if wide := _utf16_without_mark(head):
        return wide
    searched = len(head)
    sample = head
    while sample.isascii() and searched < _SEARCHED:
        block = file.read(_BLOCK)
        if not block:
            return "utf-8"
        searched += len(block)
        if not block.isascii():
            sample = _from_line_start(block)[:_SAMPLE]
    return detect_text_encoding(sample)


def detect_text_encoding(sample: bytes) -> str:
    """The encoding of a piece of text that may end in the middle of a character."""
    if sample.isascii() or _decodes(sample, "utf-8"):
        return "utf-8"
    if partly_utf8(sample):
        return "utf-8"  # lines in another encoding are repaired one by one
    if looks_like_gb18030(sample):
        return "gb18030"
    high = sum(byte > 0x7F for byte in sample)
    alone = high - sum(map(len, _PAIR.findall(sample)))
    western = 2 * alone > high  # accented letters mostly stand between plain ones
    if western and high < _ENOUGH:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample[:65_536], cp_isolation=_WESTERN if western else _EASTERN).best()
    return best.encoding if best is not None and best.encoding != "ascii" else "cp1252"


def looks_like_gb18030(sample: bytes) -> bool:
    """Whether bytes decode as GB18030 and most of their characters are common Chinese ones."""
    if not _decodes(sample, "gb18030"):
        return False
    text = codecs.getincrementaldecoder("gb18030")("ignore").decode(sample)
    pairs = common = 0
    for character in set(text):
        if character > "\x7f":
            code = character.encode("gb18030", "ignore")
            n = text.count(character)
            pairs += n
            common += n * (len(code) == 2 and code[0] >= 0xA1 and code[1] >= 0xA1)
    return pairs > 0 and common >= _CHINESE_SHARE * pairs


def partly_utf8(sample: bytes) -> bool:
    """Whether a fair share of the lines outside ASCII is valid UTF-8, which hardly ever happens by chance."""
    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    valid = sum(1 for line in lines if _decodes(line, "utf-8"))
    return valid >= _UTF8_LINES * len(lines)


class Utf8Stream(RawIOBase):
    """A byte stream in any encoding, read as UTF-8; what cannot be decoded becomes U+FFFD."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:  # noqa: D102
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: D102
        while not self._rest and not self._ended:
            block = self._file.read(_BLOCK)
            self._ended = not block
            self._rest = self._decoder.decode(block, self._ended).encode("utf-8", "replace")
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n

    def close(self) -> None:  # noqa: D102
        self._file.close()
        super().close()


def _decodes(sample: bytes, encoding: str) -> bool:
    """Whether the bytes are valid, apart from a character cut off at the end."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(sample, False)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_without_mark(head: bytes) -> str | None:
    """UTF-16 without a byte order mark shows as ASCII letters with a zero beside each."""
    sample = head[:4096]
    if len(sample) < 8 or b"\x00" not in sample:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    quarter = len(sample) // 8
    if odd > quarter and odd > 8 * even:
        return "utf-16-le"
    if even > quarter and even > 8 * odd:
        return "utf-16-be"
    return None


def _from_line_start(block: bytes) -> bytes:
    """The block from its first line start before the first byte outside ASCII."""
    first = next(i for i in range(0, len(block), 4096) if not block[i : i + 4096].isascii())
    start = block.rfind(b"\n", 0, first)
    return block[start + 1 :] if start >= 0 else block[first:]
