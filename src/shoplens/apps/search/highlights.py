"""Found words marked in what is shown: HTML that is safe to put into a page."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from shoplens.recommend.facts import CatalogueFacts

MOST = 400  # letters of one text: a title is shorter
Spans = Callable[[str], Sequence[tuple[int, int]]]  # places of found words in a text


def highlights_of(facts: CatalogueFacts, row: int, spans: Spans) -> Mapping[str, str]:
    """Title, and brand and attributes where they hold a found word: field → HTML."""
    found = {"title": _text(facts.titles[row], spans)}
    texts = {"brand": facts.brand_of(row), "category": " > ".join(facts.category_path_of(row))}
    texts |= {f"attributes.{name}": ", ".join(values) for name, values in facts.attributes_of(row).items()}
    for field, text in texts.items():
        places = spans(text[:MOST]) if text else ()
        if places:
            found[field] = marked(text[:MOST], places)
    return found


def marked(text: str, places: Sequence[tuple[int, int]]) -> str:
    """The text escaped, with these places (in order, apart from one another) in <em>."""
    parts: list[str] = []
    end = 0
    for start, stop in places:
        if start < end or stop > len(text):
            continue
        parts += [html.escape(text[end:start]), "<em>", html.escape(text[start:stop]), "</em>"]
        end = stop
    parts.append(html.escape(text[end:]))
    return "".join(parts)


def _text(text: str, spans: Spans) -> str:
    short = text[:MOST]
    return marked(short, spans(short))
