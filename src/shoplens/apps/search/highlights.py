"""Found words marked in what is shown: HTML that is safe to put into a page."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from shoplens.recommend.facts import CatalogueFacts

MOST = 400  # letters of one text: a title is shorter
Spans = Callable[[str], Sequence[tuple[int, int]]]  # places of found words in a text, in order


def highlights_of(facts: CatalogueFacts, rows: Sequence[int], spans: Spans) -> list[Mapping[str, str]]:
    """For each product its title, and brand, category and attributes where they hold a found word: field → HTML."""
    texts = [[(field, text[:MOST]) for field, text in _texts(facts, row) if text] for row in rows]
    found = {text: spans(text) for some in texts for _, text in some}
    return [
        {field: marked(text, found[text]) for field, text in some if found[text] or field == "title"} for some in texts
    ]


def marked(text: str, places: Sequence[tuple[int, int]]) -> str:
    """The text escaped, with these places (in order, apart from one another) in <em>."""
    parts: list[str] = []
    end = 0
    for start, stop in places:
        parts += [html.escape(text[end:start]), "<em>", html.escape(text[start:stop]), "</em>"]
        end = stop
    parts.append(html.escape(text[end:]))
    return "".join(parts)


def _texts(facts: CatalogueFacts, row: int) -> list[tuple[str, str]]:
    """Field and text of all that may be shown of a product."""
    texts = [("title", facts.titles[row]), ("brand", facts.brand_of(row))]
    texts.append(("category", " > ".join(facts.category_path_of(row))))
    texts += [(f"attributes.{name}", ", ".join(values)) for name, values in facts.attributes_of(row).items()]
    return texts
