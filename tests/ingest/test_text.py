from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shoplens.ingest.text import CONTROL, HTML, MOJIBAKE, clean_text, html_to_text


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("  Lamp  ", "Lamp"),
        ("a\t b\u00a0c", "a b c"),
        ("<p>Soft &amp; warm.</p><p>Dries fast</p>", "Soft & warm.\nDries fast"),
        ("H<sub>2</sub>O<br/>still", "H2O\nstill"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<script>alert(1)</script><style>p{}</style>Text", "Text"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("AT&amp;T", "AT&T"),
        ("R&D & more", "R&D & more"),
        ("x < y and y > z", "x < y and y > z"),
        ("5 <6> 7", "5 <6> 7"),
        ("CafÃ© crÃ¨me", "Café crème"),
        ("donâ€™t", "don’t"),
        ("保温杯".encode().decode("latin-1"), "保温杯"),
        ("茶壶".encode().decode("latin-1") + " Ok", "茶壶 Ok"),
        ("São Paulo, Ångström, 10€", "São Paulo, Ångström, 10€"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("bell\x07 \x00", "bell"),
        ("line one\r\nline two\r\r\n\n line three", "line one\nline two\nline three"),
        ("保温杯　５００ｍｌ", "保温杯 ５００ｍｌ"),
        ("e\u0301", "é"),
        ("<table><tr><td>Size</td><td>M</td></tr></table>", "Size M"),
        ("می‌خواهم", "می‌خواهم"),
        ("", ""),
    ],
)
def test_clean_text(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


def test_one_line() -> None:
    assert clean_text("<p>a</p>\n<p>b</p>", one_line=True) == "a b"


def test_repairs_are_counted() -> None:
    fixes: Counter[str] = Counter()
    clean_text("<b>a</b>", fixes=fixes)
    clean_text("CafÃ©", fixes=fixes)
    clean_text("a\x00b", fixes=fixes)
    clean_text("plain", fixes=fixes)
    assert fixes == {HTML: 1, MOJIBAKE: 1, CONTROL: 1}


TAGS = st.sampled_from(
    [
     "<p>", "</p>", "<br>", "<b", ">", "&amp;", "&lt;", "&gt;", "&#60;", "&#x3e;", "&amp;amp;", "Ã©", "â€™", "Â ",
     "<!--", "-->",
     "\u0301", "\u200b", "\ud800", "\x85", "<script>", "</script>", "<td>", "\n", " ", "中", "&nbsp;"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(TAGS, st.text(max_size=5)), max_size=12).map("".join))
@example("&amp;amp;lt;p&amp;gt;x")
@example("<p>ÃƒÂ©</p>")
def test_cleaning_is_idempotent(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    line = clean_text(text, one_line=True)
    assert clean_text(line, one_line=True) == line


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_clean_text_has_no_controls_and_no_double_blanks(text: str) -> None:
    clean = clean_text(text)
    assert all(unicodedata.category(character) not in ("Cc", "Cs") or character == "\n" for character in clean)
    assert "  " not in clean
    assert "\n\n" not in clean
    assert clean == clean.strip()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=8), min_size=1, max_size=6
    )
)
def test_words_without_anything_odd_stay(words: list[str]) -> None:
    text = unicodedata.normalize("NFC", " ".join(words))
    if not any("\u0080" <= character <= "\u024f" for character in text):
        assert clean_text(text) == text


def test_html_to_text_of_nothing() -> None:
    assert html_to_text("") == ""
    assert html_to_text("<div><img src=x></div>") == ""
