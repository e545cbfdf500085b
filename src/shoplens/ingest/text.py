"""Texts as people wrote them: without HTML, mojibake, control characters and stray blanks.

`clean_text` is idempotent: what it gives back, it leaves alone.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter

from selectolax.lexbor import LexborHTMLParser

HTML, MOJIBAKE, CONTROL = "html removed", "mojibake repaired", "control characters removed"

_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|input|ins|kbd|label|link|map|mark|meta|picture|q|"
    "s|samp|small|source|span|strike|strong|sub|sup|svg|time|tt|u|var|wbr|video|audio|iframe|object|embed|param|button"
)
_BLOCK = (
    "address|article|aside|blockquote|body|br|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|"
    "head|header|hr|html|li|main|nav|ol|option|p|pre|section|select|summary|table|tbody|tfoot|thead|tr|ul"
)
_TAG = re.compile(rf"</?(?:{_INLINE}|{_BLOCK}|td|th|style|script|noscript|title)(?:\s[^<>]*|/)?>|<!--", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]*|/)?>", re.IGNORECASE)
_CELL_TAG = re.compile(r"</?(?:td|th)(?:\s[^<>]*|/)?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
#: Controls, zero-width and direction marks, soft hyphen, byte order mark, lone surrogates, the replacement character.
#: U+200C and U+200D stay: Persian words and emoji need them.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\ufeff\ufff9-\ufffd\ud800-\udfff\ufffe\uffff]"
)
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
_GAPS = (0x81, 0x8D, 0x8F, 0x90, 0x9D)  # bytes without a character in cp1252
_LINE_ENDS = re.compile(r"\r\n|[\r\x85\u2028\u2029]")
#: A lead byte of UTF-8 followed by a continuation byte, both shown as Western characters.
_MOJIBAKE = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)
#: Character → the byte that Western encodings (cp1252, and Latin-1 where it has gaps) show so.
_WESTERN = {chr(code): bytes([code]) for code in range(0x80, 0x100)}
_WESTERN.update({bytes([code]).decode("cp1252"): bytes([code]) for code in range(0x80, 0x100) if code not in _GAPS})


def clean_text(text: str, *, one_line: bool = False, fixes: Counter[str] | None = None) -> str:
    """Plain text: no tags, entities, mojibake or controls; single blanks; NFC. Paragraphs stay on lines of their own
    unless `one_line`. `fixes` counts what was repaired."""
    if text.isascii() and text.isprintable() and "<" not in text and "&" not in text and "  " not in text:
        return text.strip()
    previous = None
    while text != previous:  # every round makes the text shorter, or leaves it alone
        previous = text
        text = _unmangled(text, fixes)
        text = _without_html(text, fixes)
        text = _without_controls(text, fixes)
        text = unicodedata.normalize("NFC", _tidy(text))
    return " ".join(text.split()) if one_line else text


def html_to_text(source: str) -> str:
    """The visible text of a piece of HTML: block elements on lines of their own, scripts and styles left out."""
    source = _BLANKS.sub(" ", source.replace("\n", " "))
    source = _BLOCK_TAG.sub(r"\n\g<0>\n", _CELL_TAG.sub(r" \g<0> ", source))
    tree = LexborHTMLParser(source)
    tree.strip_tags(["script", "style", "noscript", "template", "svg", "head"])
    return _tidy(tree.root.text(deep=True) if tree.root is not None else "")


def _without_html(text: str, fixes: Counter[str] | None) -> str:
    """Text whose tags are gone and whose entities are characters."""
    changed = text
    if "<" in text and _TAG.search(text):
        changed = html_to_text(text)
    elif "&" in text:
        changed = _ENTITY.sub(_character, text)
    if changed != text and fixes is not None:
        fixes[HTML] += 1
    return changed


def _character(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _unmangled(text: str, fixes: Counter[str] | None) -> str:
    """Undo UTF-8 that was read as Western: "CafÃ©" is "Café". Only when the whole text then is valid UTF-8."""
    if not _MOJIBAKE.search(text):
        return text
    try:
        raw = b"".join(character.encode() if character < "\x80" else _WESTERN[character] for character in text)
        repaired = raw.decode()
    except (KeyError, UnicodeDecodeError):
        return text
    if fixes is not None:
        fixes[MOJIBAKE] += 1
    return repaired


def _without_controls(text: str, fixes: Counter[str] | None) -> str:
    cleaned = _CONTROL.sub("", text)
    if cleaned != text and fixes is not None:
        fixes[CONTROL] += 1
    return cleaned


def _tidy(text: str) -> str:
    """Single blanks, single line ends, none at the edges."""
    text = (
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\x85", "\n")
        .replace("\u2028", "\n")
        .replace("\u2029", "\n")
    )
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()
