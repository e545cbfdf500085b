"""What a query asks for: "red dress under 50, not Acme" is a colour, a category, a price and an unwanted brand.

Everything is read from the catalogue's own values (`shop_words`), so that a constraint always is a filter that somebody
could have set by hand; it is shown, and can be taken away. What is sure becomes a filter; what may be meant otherwise
(a word with several meanings, "shoe" in "shoe rack", an attribute that many products lack) only lifts what fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.apps.search.gathered import FIRMNESS, Gathered
from shoplens.apps.search.limits import read_cheap, read_limits, read_stock
from shoplens.apps.search.pieces import Piece, cut_pieces
from shoplens.apps.search.said_words import cut, hide, plain, without_quotes
from shoplens.apps.search.shop_words import Known, Meaning, ShopWords
from shoplens.features.align.glosses import Glossary
from shoplens.recommend.asking import Constraint
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.recommend.filters import ATTRIBUTE, Filter, OneOf, parse_filter

JOIN = " … "  # between the words of one constraint that stand apart
MOST_VALUES = 200  # of one constraint
COMPLETE = 0.8  # share of products that have a field at all, from which on a value of it may be a filter
OVERSHADOWED = 10  # times as many products in other categories with the same words, from which on a name is none
SHORTEST_BRAND = 3  # letters of a brand that is surely meant (Chinese: 2)


@dataclass(frozen=True, slots=True)
class Understanding:
    """A query taken apart."""

    text: str  # words that are left to search for
    constraints: tuple[Constraint, ...] = ()  # firmest first
    whole: bool = False  # the filters among them say all that the words say
    covered: bool = False  # all of them together do
    foreign: str = ""  # currency (ISO 4217) of a limit, where prices here are in another
    closest: tuple[Filter, ...] = ()  # what fits best, where a constraint lets in what comes close ("navy" for "blue")


class Understands:
    """Reads queries. `glossary` gives a Chinese dictionary; None does without."""

    def __init__(self, facts: CatalogueFacts, *, glossary: Callable[[], Glossary] | None = None) -> None:
        self.facts = facts
        self.shop = ShopWords(facts)
        self._glossary = glossary
        self._having: dict[str, tuple[int, Mask]] = {}  # field → version of the facts, products that have it

    def read(self, text: str, offered: Mask, *, drop: Iterable[str] = (), language: str = "en") -> Understanding:
        """Take a query apart. `offered`: products that may be answered; `drop`: ids of constraints that are not wanted.

        Words of limits and of what is not wanted are not searched for; those of values still are, for they also find.
        """
        self.shop.refresh()
        whole_text = plain(text)
        if not whole_text:
            return Understanding("")
        read = Gathered(language)
        unquoted = without_quotes(whole_text)
        read_limits(unquoted, self.shop, self.facts.currency, read)
        read_stock(hide(unquoted, read.spans), read)
        pieces = cut_pieces(hide(unquoted, read.spans), self.shop, self._glossary)
        categories = self._categories([piece for piece in pieces if not piece.negated], offered, read)
        self._values(pieces, categories, offered, read)
        read_cheap(hide(unquoted, read.spans), self.facts.columns.price[: len(categories)][categories], read)
        dropped = set(drop)
        read.spans.extend(
            (piece.start, piece.end)
            for piece in pieces
            if piece.dashed and any(one.id in dropped and piece.said in one.said for _, one in read.constraints)
        )
        constraints = tuple(
            one for _, one in sorted(read.constraints, key=lambda pair: -pair[0]) if one.id not in dropped
        )
        covered = unquoted == whole_text and not dropped and _says_all(pieces, constraints, read.spans)
        return Understanding(
            cut(whole_text, [_with_particle(whole_text, *span) for span in read.spans]),
            constraints,
            covered and all(one.strict for one in constraints),
            covered,
            read.foreign,
            tuple(read.closest),
        )

    def _categories(self, pieces: Sequence[Piece], offered: Mask, read: Gathered) -> Mask:
        """The category that is asked for; returns the products in it, all when none is.

        Of several, one inside another narrows it down ("women's shoes"); else the last names the thing ("dress
        shirt"), unless they are listed ("shirts and dresses").
        """
        chosen: tuple[Meaning, ...] = ()
        parts: list[Piece] = []
        for piece in pieces:
            meanings = self._of(piece, "category")
            if not meanings or self._overshadowed(meanings, offered):
                continue
            if not chosen or (parts[-1].loose and not piece.loose):
                chosen, parts = meanings, [piece]
                continue
            inside = _within(meanings, chosen) or _within(chosen, meanings)
            if inside:
                chosen, parts = inside, [*parts, piece]
            elif piece.joined:
                chosen, parts = (*chosen, *meanings), [*parts, piece]
            elif not piece.loose:
                chosen, parts = meanings, [piece]
        if not chosen:
            return offered
        values = sorted({meaning.value for meaning in chosen})[:MOST_VALUES]
        wanted = parse_filter({"field": "category", "in": values})
        fitting = self.facts.mask(wanted)[: len(offered)] & offered
        if not fitting.any():
            return offered
        strict = all(part.known >= Known.OTHER and not part.loose for part in parts)
        strict = strict and not any(self._only_elsewhere(part) for part in parts)
        words = JOIN.join(dict.fromkeys(part.said for part in parts))
        shown = ", ".join(dict.fromkeys(meaning.label.split(">")[-1].strip() for meaning in chosen))
        label = read.label("category", shown)
        constraint = Constraint(f"category={'|'.join(values)}", "category", wanted, words, label, strict)
        read.add(FIRMNESS["category"], constraint)
        return fitting if strict else offered

    def _overshadowed(self, meanings: Sequence[Meaning], offered: Mask) -> bool:
        """Whether far more products lie in other categories with the same words in their names.

        "Organic" below "Lamb" is not what "organic coffee" means where hundreds of other things are organic.
        """
        others = {value for meaning in meanings[:MOST_VALUES] for value in self.shop.elsewhere(meaning)}
        others -= {meaning.value for meaning in meanings}
        if not others:
            return False
        own = self._number("category", [meaning.value for meaning in meanings], offered)
        return self._number("category", sorted(others), offered) > OVERSHADOWED * own

    def _only_elsewhere(self, piece: Piece) -> bool:
        """Whether the shop's own spelling of something else is only another name of a category."""
        others = [one.known for one in piece.meanings if one.field != "category"]
        own = [one.known for one in piece.meanings if one.field == "category"]
        return bool(others) and max(others) > max(own, default=Known.GLOSS)

    def _values(self, pieces: Sequence[Piece], context: Mask, offered: Mask, read: Gathered) -> None:
        """Brands and attributes; values of the same field are alternatives."""
        asked: dict[tuple[str, bool], list[tuple[Piece, tuple[Meaning, ...]]]] = {}
        for piece in pieces:
            by_field = self._fields_of(piece, context)
            if piece.negated and not by_field and self._of(piece, "category"):
                by_field = ["category"]
            for field in by_field[:1]:
                asked.setdefault((field, piece.negated), []).append((piece, self._of(piece, field)))
        for (field, negated), said in asked.items():
            meanings = [meaning for _, some in said for meaning in some]
            values = sorted({meaning.value for meaning in meanings})[:MOST_VALUES]
            inside: Filter = parse_filter({"field": field, "in": values})
            fitting = self.facts.mask(inside)[: len(context)]
            if not (fitting & (offered if negated else context)).any():
                continue
            if negated:
                wanted = parse_filter({"not": {"field": field, "in": values}})
                read.spans.extend((piece.start, piece.end) for piece, _ in said if not piece.dashed)
                strict, firmness = True, FIRMNESS["not"]
            else:
                wanted = inside
                strict = all(self._is_sure(piece, field) for piece, _ in said) and self._is_complete(field, context)
                firmness = FIRMNESS["brand" if field == "brand" else "attribute"]
                close = sorted({meaning.value for meaning in meanings if meaning.known >= Known.OTHER})
                if close and len(close) < len(values):
                    read.closest.append(parse_filter({"field": field, "in": close}))
            words = JOIN.join(dict.fromkeys(piece.said for piece, _ in said))
            shown = ", ".join(dict.fromkeys(self._shown(some) for _, some in said))
            sign = "!=" if negated else "="
            label = read.label(field, shown, negated=negated)
            read.add(firmness, Constraint(f"{field}{sign}{'|'.join(values)}", field, wanted, words, label, strict))

    def _fields_of(self, piece: Piece, context: Mask) -> list[str]:
        """Fields other than the category that a piece may speak of, likeliest first."""
        best: dict[str, Known] = {}
        for meaning in piece.meanings:
            if meaning.field != "category":
                best[meaning.field] = max(best.get(meaning.field, Known.GLOSS), meaning.known)
        own = max((one.known for one in piece.meanings if one.field == "category"), default=None)
        if own is not None and not piece.named:  # what names a category is no attribute, unless only more surely so
            best = {name: known for name, known in best.items() if known > own}
        if len(best) < 2:
            return list(best)
        counts = {name: self._count(piece, name, context) for name in best}
        return sorted(best, key=lambda name: (-best[name], -counts[name], name))

    def _count(self, piece: Piece, field: str, context: Mask) -> int:
        return self._number(field, [meaning.value for meaning in self._of(piece, field)], context)

    def _number(self, field: str, values: Sequence[str], context: Mask) -> int:
        """Products among these with one of the values."""
        mask = self.facts.mask(parse_filter({"field": field, "in": list(values[:MOST_VALUES])}))[: len(context)]
        return int(np.count_nonzero(mask & context))

    def _of(self, piece: Piece, field: str) -> tuple[Meaning, ...]:
        """What a piece means in one field: its surest meanings, and what is a kind of them."""
        some = tuple(one for one in piece.meanings if one.field == field)
        if not some or field == "category":
            best = max((one.known for one in some), default=Known.OWN)
            return tuple(one for one in some if one.known == best)
        return some

    def _shown(self, meanings: Sequence[Meaning]) -> str:
        best = max(meaning.known for meaning in meanings)
        return ", ".join(dict.fromkeys(one.label for one in meanings if one.known == best))

    def _is_sure(self, piece: Piece, field: str) -> bool:
        """Whether a value is so surely meant that nothing else need be shown."""
        if piece.named:
            return True
        if piece.known < Known.OTHER or len({one.field for one in piece.meanings}) > 1:
            return False
        if field != "brand":
            return not piece.loose
        long = len(piece.said) >= (SHORTEST_BRAND if piece.said.isascii() else 2)
        return long and piece.idea is None and not piece.about  # the name of a model may follow

    def _is_complete(self, field: str, context: Mask) -> bool:
        """Whether nearly all products that could be meant have the field: else a filter would lose what is meant."""
        version, having = self._having.get(field, (-1, context))
        if version != self.facts.version or len(having) < len(context):
            version = self.facts.version
            having = self.facts.mask(parse_filter({"field": field, "exists": True}))
            self._having[field] = version, having
        count = int(np.count_nonzero(context))
        return count > 0 and int(np.count_nonzero(having[: len(context)] & context)) >= COMPLETE * count


def is_value(one: Constraint) -> bool:
    """Whether it asks for a category, a brand or an attribute's value; not for a limit, stock, or what is not there."""
    return isinstance(one.filter, OneOf) and (one.field in ("brand", "category") or one.field.startswith(ATTRIBUTE))


def _within(inner: Sequence[Meaning], outer: Sequence[Meaning]) -> tuple[Meaning, ...]:
    """Categories that lie below (or are) one of the others."""
    paths = {meaning.path for meaning in outer}
    return tuple(one for one in inner if any(one.path[:depth] in paths for depth in range(1, len(one.path) + 1)))


def _says_all(pieces: Sequence[Piece], constraints: Sequence[Constraint], read: Sequence[tuple[int, int]]) -> bool:
    """Whether no word is left that no constraint speaks for."""
    if not constraints:
        return False
    said = {words for one in constraints for words in one.said.split(JOIN)}
    left = [piece for piece in pieces if not any(start <= piece.start < end for start, end in read)]
    return all(piece.silent or piece.said in said for piece in left)


def _with_particle(text: str, start: int, end: int) -> tuple[int, int]:
    """A part of the text with the "的" that belongs to it."""
    return start, end + (text[end : end + 1] == "的")
