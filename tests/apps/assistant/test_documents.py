"""Documents become passages under their headings; what answers is found, and what does not is not."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shoplens.apps.assistant.knowledge.asking import asked_about
from shoplens.apps.assistant.knowledge.documents import read_document
from shoplens.apps.assistant.knowledge.index import Knowledge
from shoplens.apps.assistant.knowledge.passages import LONGEST, Passage, passages_of
from shoplens.apps.assistant.sentences import split_sentences
from shoplens.apps.assistant.unrelated import UNRELATED
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import FormatError, InputError

MARKDOWN = """---
title: hidden
---
# Shop

Intro with a [link](https://example.org).

## Returns

You have **30 days**:

1. Sign in.
2. Print the label.

Other text
==========

Below another heading.
"""
HTML = """<html><head><title>no</title><script>alert(1)</script></head><body><nav>Menu</nav><main><h1>Help</h1>
<h2>Delivery</h2><p>Two to <b>four</b> days.</p><ul><li>Express: one day</li></ul>
<dl><dt>Do you gift-wrap?</dt><dd>Yes.</dd></dl></main></body></html>"""
LAID_OUT = "RETURNS\n\nYou can return any-\nthing within 30 days\nof delivery.\n\f\n2. Delivery\n\nTakes two days.\n"


def passages(name: str, content: str) -> list[tuple[str, str]]:
    return [(one.title, one.text) for one in passages_of(read_document(name, content.encode()))]


def test_markdown_keeps_headings_and_lists_together() -> None:
    found = passages("shop.md", MARKDOWN)
    assert found[0] == ("Shop", "Intro with a link.")
    assert found[1] == ("Shop › Returns", "You have 30 days:\n1. Sign in.\n2. Print the label.")
    assert found[2] == ("Other text", "Below another heading.")


def test_html_is_read_without_what_is_not_text() -> None:
    found = passages("help.html", HTML)
    assert ("Help › Delivery", "Two to four days.\nExpress: one day") in found
    assert any("gift-wrap" in title and text == "Yes." for title, text in found)
    assert not any("alert" in text or "Menu" in text for _, text in found)


def test_lines_of_a_page_are_put_together() -> None:
    assert passages("terms.txt", LAID_OUT) == [
        ("RETURNS", "You can return anything within 30 days of delivery."),
        ("2. Delivery", "Takes two days."),
    ]


def test_a_table_of_questions() -> None:
    assert passages("faq.csv", "question,answer\nDo you ship?,Yes.\n,nothing\n问题?,答案。\n") == [
        ("Do you ship?", "Yes."),
        ("问题?", "答案。"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "error", "why"),
    [
        ("a.docx", b"PK", FormatError, "documents end in .*pdf"),
        ("a.txt", b"%PDF-1.7", FormatError, "is a PDF"),
        ("a.txt", b"PDF\0\xff", FormatError, "text"),
        ("a.txt", b"\xff\xfe\xff", FormatError, "UTF-8"),
        ("a.md", b"  \n", InputError, "nothing"),
        ("a.csv", b"one,two\n1,2\n", FormatError, "question and answer"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    name: str, content: bytes, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        read_document(name, content)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=3_000))
def test_any_text_becomes_passages_of_bounded_length(text: str) -> None:
    try:
        document = read_document("any.md", text.encode())
    except InputError:
        return
    assert all(0 < len(one.text) <= 2 * LONGEST + 200 for one in passages_of(document))


@given(st.text(max_size=500))
@example("- ")
def test_sentences_lose_nothing_but_space(text: str) -> None:
    joined = "".join(one for one, _ in split_sentences(text))
    assert "".join(joined.split()) == "".join("".join(text.splitlines()).split())


def test_the_passage_that_answers_comes_first_and_others_do_not_count() -> None:
    kept = [
        Passage("p#1", "p", ("Returns",), "You can return unused products within 30 days.", 1),
        Passage("p#2", "p", ("Delivery",), "Standard delivery takes two to four working days.", 2),
        Passage("p#3", "p", ("配送",), "标准配送需要两到四个工作日。", 3),
    ]
    knowledge = Knowledge(kept, HashedNgramEncoder())
    assert knowledge.search("how many days to return products?")[0].passage.id == "p#1"
    assert knowledge.search("配送需要几天")[0].passage.id == "p#3"
    assert knowledge.search("delivery")[0].score > knowledge.threshold
    answered = sum(knowledge.search(one)[0].score > knowledge.threshold for one in UNRELATED)
    assert answered <= 0.06 * len(UNRELATED)
    assert knowledge.numbers >= {30.0}


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("退货期限是多久？", "退货期限 ？"),
        ("请问你们的运费多少钱", "运费"),
        ("会员要怎么注册", "会员 注册"),
        ("How long is the warranty?", "long warranty?"),
        ("多久？", ""),
    ],
)
def test_words_that_only_ask_are_not_looked_for(question: str, about: str) -> None:
    assert asked_about(question) == about


def test_a_heading_that_asks_alike_is_no_answer() -> None:
    """The word 多久 stands in one heading alone; the question is about the other."""
    document = read_document("a.md", "# 退货\n\n## 退货期限\n30天内。\n\n## 退款多久到账\n收到退货后5天内。\n".encode())
    knowledge = Knowledge(list(passages_of(document)), HashedNgramEncoder())
    assert knowledge.search("退货期限是多久？", 1)[0].passage.path[-1] == "退货期限"
    assert knowledge.search("退款多久到账", 1)[0].passage.path[-1] == "退款多久到账"


def test_a_table_may_have_semicolons() -> None:
    rows = "question;answer\nHow long is the warranty?;Two years, in all countries.\n"
    assert passages("faq.csv", rows)[0][1] == "Two years, in all countries."
    with pytest.raises(FormatError, match="it is empty"):
        read_document("faq.csv", b"")


def test_what_only_speaks_of_comments_hides_nothing() -> None:
    text = "# Pages\n\nUse `<!--` to begin a comment.\n\nReturns take 30 days.\n\n<!-- never closed\n\nhidden\n"
    said = " ".join(one.text for one in passages_of(read_document("a.md", text.encode())))
    assert "Returns take 30 days." in said
    assert "hidden" not in said
