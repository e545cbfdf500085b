"""Found words marked in what is shown: HTML that is safe to put into a page."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence

from shoplens.recommend.facts import CatalogueFacts

MOST = 400  # letters of one text: a title is shorter
APART = "\n\n"  # between two texts: no name and no phrase goes on behind it
Spans = Callable[[str], Sequence[tuple[int, int]]]  # places of found words in a text, in order


def highlights_of(facts: CatalogueFacts, rows: Sequence[int], spans: Spans) -> list[Mapping[str, str]]:
    """For each product its title, and brand, category and attributes where they hold a found word: field → HTML."""
    texts = [[(field, text[:MOST]) for field, text in _texts(facts, row) if text] for row in rows]
    found = _marked_all(dict.fromkeys(text for some in texts for _, text in some), spans)
    return [{field: found[text][0] for field, text in some if found[text][1] or field == "title"} for some in texts]


def _marked_all(texts: Iterable[str], spans: Spans) -> dict[str, tuple[str, bool]]:
    """Text → HTML, and whether anything is marked. One text is made of all, for reading the words takes longest."""
    places = list(spans(APART.join(texts)))
    found: dict[str, tuple[str, bool]] = {}
    begin = place = 0
    for text in texts:
        end = begin + len(text)
        inside: list[tuple[int, int]] = []
        while place < len(places) and places[place][0] < end:
            start, stop = places[place]
            if start >= begin and stop <= end:
                inside.append((start - begin, stop - begin))
            place += 1
        found[text] = marked(text, inside), bool(inside)
        begin = end + len(APART)
    return found


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
