"""The search application: a question is understood, found, ordered, counted, and rescued where nothing was found."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.attempts import Attempt, Attempts
from shoplens.apps.search.curation import Curated, Curation
from shoplens.apps.search.facets import count_facets, parts_of
from shoplens.apps.search.highlights import highlights_of
from shoplens.apps.search.matching import Head, Matching, Tail
from shoplens.apps.search.ordering import SOFT, ClickOrder, Lift, Ordered, Personal, order_head
from shoplens.apps.search.paging import Cursor, Rows, TieKeys, fingerprint
from shoplens.apps.search.ranking import Page, Ranking, skip, turn_to
from shoplens.apps.search.rescue import Rescued, rescued, say
from shoplens.apps.search.sorting import count_keys, sort_keys
from shoplens.apps.search.understanding import JOIN, Understands, is_value
from shoplens.apps.search.variants import count_products
from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.features.align.glosses import Glossary
from shoplens.recommend.asking import Ask, Constraint, Facet, Found, Hit
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.recommend.said_orders import said_order
from shoplens.retrieval.hybrid import HybridIndex

FEW = 3  # products found, up to which another spelling is suggested
COVERED = 0.99  # share of the words that the best product has, from which on none is missing

Raised: TypeAlias = Callable[[Ask], npt.NDArray[np.float32] | None]
Popularity: TypeAlias = Callable[[], npt.NDArray[np.float32]]
Pins: TypeAlias = Sequence[tuple[int, int]]  # place from 1, row


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTuning:
    """What the shop's settings say."""

    personal: float = 0.3  # how far a person's own taste orders, when a request does not say


class SearchEngine:
    """Searches one shop. Safe to share between threads.

    `hybrid` gives the index that answers now; `popularity` one number for each row of the facts, on any scale;
    `raised` what lifts products whoever asks, in standard deviations (None: nothing does); `glossary` a Chinese
    dictionary for words that no lexicon has. `personal` and `clicks` may be missing, and may be replaced while the shop
    is open.
    """

    def __init__(
        self,
        facts: CatalogueFacts,
        hybrid: Callable[[], HybridIndex],
        *,
        popularity: Popularity,
        personal: Personal | None = None,
        clicks: ClickOrder | None = None,
        curation: Curation | None = None,
        raised: Raised | None = None,
        settings: SearchTuning | None = None,
        glossary: Callable[[], Glossary] | None = None,
    ) -> None:
        self.facts = facts
        self.personal = personal
        self.clicks = clicks
        self._hybrid = hybrid
        self._curation = curation if curation is not None else Curation()
        self._raised = raised if raised is not None else lambda _: None
        self._settings = settings if settings is not None else SearchTuning()
        self._understands = Understands(facts, glossary=glossary)
        self._ties = TieKeys(facts)
        self._matching = Matching(facts, hybrid, popularity, self._ties)
        self._attempts = Attempts(facts, self._understands, self._matching)

    def prepare(self) -> None:
        """Read what the first request would have to wait for: the catalogue's names, dictionaries."""
        self._understands.read("红色 red", self.facts.offered())
        self._ties.of(np.zeros(0, np.int64))

    def understand(self, text: str, language: str) -> tuple[Constraint, ...]:
        """What would be read out of these words, in the order in which it is said."""
        return tuple(self._understands.read(text, self.facts.offered(), language=language).constraints)

    def search(self, ask: Ask) -> Found:
        """Answer a request. InputError for a cursor, a facet or a vector that makes no sense."""
        curated = self._curation.of(ask.text)  # a merchant's rules are for what was typed
        ask = self._as_said(ask)
        of = fingerprint(ask)
        start = Cursor(of) if ask.cursor is None else Cursor.decode(ask.cursor, of, count_keys(ask.sort))
        answer = rescued(ask, curated, self._attempts, lambda attempt: self._correction(ask, attempt))
        attempt = answer.attempt
        ordered = self._ordered(ask, attempt, curated)
        pins = self._pins(ask, attempt, curated)
        page, total = self._page(ask, attempt, ordered, pins, start)
        nothing = total == 0
        return Found(
            impression_id=secrets.token_hex(12),
            items=self._hits(ask, attempt, ordered, page),
            total=total,
            facets=self._facets(ask, attempt, curated, pins) if ask.facets else (),
            understood=tuple(one for one in attempt.reading.constraints if one not in attempt.given_up),
            did_you_mean=self._suggestion(ask, answer, total),
            corrected_from=answer.corrected_from,
            rescued=None if nothing else answer.sentence,
            cursor=page.last.encode() if page.more else None,
            language=LANGUAGES[language_of(ask.text)] if ask.text else ask.language,
            model=("browse" if attempt.question.browses else "search") + ordered.by,
            note=self._note(ask, attempt, nothing),
            pinned=tuple(self.facts.ids[row] for row in page.rows if row in page.pinned),
        )

    def _as_said(self, ask: Ask) -> Ask:
        """ "Cheapest headphones" puts the cheapest first where the other words are filters, so that all that is found
        is one of them; else something cheap that only resembles them would come first."""
        said = said_order(ask.text) if ask.understand and not ask.sort and not ask.given else None
        if said is None or not said.rest:
            return ask
        reading = self._understands.read(said.rest, self.facts.offered(), drop=ask.drop, language=ask.language)
        return replace(ask, text=said.rest, sort=(said.sort,)) if reading.whole else ask

    def _note(self, ask: Ask, attempt: Attempt, nothing: bool) -> str | None:
        """In which currency a limit was read, and why nothing was found."""
        theirs = attempt.reading.foreign
        said = [say(ask.language, "foreign", ours=self.facts.currency, theirs=theirs)] if theirs else []
        if nothing:
            said.append(self._why_nothing(ask, attempt))
        return " ".join(said) or None

    def _why_nothing(self, ask: Ask, attempt: Attempt) -> str:
        if not self.facts.known:
            return say(ask.language, "no_products")
        fits = ask.filter is None or bool(attempt.base.any())
        return say(ask.language, "nothing" if fits else "nothing_fits")

    def _ordered(self, ask: Ask, attempt: Attempt, curated: Curated) -> Ordered:
        """The head with what lifts it; another order than relevance is the same for everybody."""
        size = len(attempt.base)
        lifts = [Lift(self._attempts.mask(one.filter, size), SOFT) for one in attempt.soft]
        lifts += [Lift(self._attempts.mask(one, size), SOFT) for one in attempt.reading.closest]
        lifts += [Lift(self._attempts.mask(one.filter, size), one.by) for one in curated.boosts]
        if ask.scenario is not None:
            lifts += [Lift(self._attempts.mask(one.filter, size), one.by) for one in ask.scenario.boost]
        share = self._settings.personal if ask.personal is None else ask.personal
        return order_head(
            attempt.head,
            attempt.text,
            lifts,
            self._raised(ask),
            facts=self.facts,
            popularity=self._matching.popularity(attempt.head.rows),
            clicks=self.clicks,
            personal=self.personal,
            share=0.0 if ask.sort else share,
            user_id=ask.user_id,
            session_id=ask.session_id,
        )

    def _pins(self, ask: Ask, attempt: Attempt, curated: Curated) -> Pins:
        """Pinned products that may be shown here; another order than relevance has none.

        They keep to the request's filter and to all that was understood, but for kinds and values that their rule
        itself names: a rule for "*dress*" may pin a bag, but none that costs more than was asked for.
        """
        place = () if ask.scenario is None or not ask.pinned else ask.scenario.pin
        if ask.sort or not (curated.pins or place):
            return ()
        size = len(attempt.base)
        unwanted = self._unwanted(attempt, [pin.item_id for pin in curated.pins])
        pins: list[tuple[int, int]] = []
        for pin, row in zip(curated.pins, self.facts.rows(pin.item_id for pin in curated.pins).tolist(), strict=True):
            if not 0 < row < size or not attempt.base[row] or pin.item_id in unwanted:
                continue
            held = (one for one in attempt.strict if not (is_value(one) and all(map(pin.names, one.said.split(JOIN)))))
            if all(self._attempts.mask(one.filter, size)[row] for one in held):
                pins.append((pin.place, row))
        return self._with_pins_of_the_place(attempt, pins, place)

    def _with_pins_of_the_place(self, attempt: Attempt, pins: list[tuple[int, int]], place: Sequence[str]) -> Pins:
        """What the place of the shop pins, where it is among what was asked for: in front, but for places that pins for
        these very words have."""
        if not place:
            return pins
        matching, taken = self._matching.mask(attempt.question, attempt.head), {row for _, row in pins}
        rows = [row for row in dict.fromkeys(self.facts.rows(place).tolist()) if row < len(matching) and matching[row]]
        free = (one for one in count(1) if one not in {at for at, _ in pins})
        return sorted([*pins, *zip(free, (row for row in rows if row not in taken), strict=False)])

    def _unwanted(self, attempt: Attempt, item_ids: Sequence[str]) -> set[str]:
        """Those of the products that have a word which was asked not to be there: "-word"."""
        words, query = self._hybrid().words, attempt.head.query
        if words is None or query is None:
            return set()
        asked = [replace(query, words=(), phrases=(chain,), excluded=(), codes=()) for chain in query.excluded]
        found = [words.search(one, len(item_ids), only=item_ids, typos=False).item_ids for one in asked]
        return {item_id for some in found for item_id in some}

    def _page(self, ask: Ask, attempt: Attempt, ordered: Ordered, pins: Pins, start: Cursor) -> tuple[Page, int]:
        """The page that is asked for, and the total.

        Where the page lies within the head, of the others only variants of what stands there are ranked.
        """
        head = attempt.head
        behind = self._matching.behind(attempt.question, head)
        total = self._total(ask, head, behind, pins)
        shown = (ask.page - 1) * ask.n if ask.page is not None else start.shown
        if not ask.sort and shown + ask.n <= len(head.rows):
            near = self._variants(head.rows, behind) if ask.group else np.zeros(len(behind), bool)
            ranking = self._ranking(ask, attempt, ordered, self._matching.tail(attempt.question, near), pins)
            goes_on = bool(np.count_nonzero(behind) > np.count_nonzero(near))
            page = self._turn(ask, ranking, start, shown, goes_on=goes_on)
            if len(page.rows) == ask.n:
                return page, total
        ranking = self._ranking(ask, attempt, ordered, self._matching.tail(attempt.question, behind), pins)
        return self._turn(ask, ranking, start, shown), total

    def _total(self, ask: Ask, head: Head, behind: Mask, pins: Pins) -> int:
        """Places there are in all."""
        groups = self.facts.columns.group[: len(behind)]
        pinned = [row for _, row in pins]
        if not ask.group or not groups.any():
            inside = behind[pinned].sum() + np.isin(pinned, head.rows).sum()
            return int(len(head.rows) + np.count_nonzero(behind) - inside) + len(pinned)
        matching = behind.copy()
        matching[head.rows] = True
        matching[pinned] = False
        codes = groups[matching].astype(np.int64)
        taken = self.facts.group(np.array(pinned, np.int64))
        return count_products(codes[(codes == 0) | ~np.isin(codes, taken[taken > 0])]) + len(pinned)

    def _variants(self, rows: Rows, behind: Mask) -> Mask:
        """Those of the others that are variants of these."""
        groups = self.facts.columns.group[: len(behind)]
        codes = np.unique(groups[rows])
        return behind & np.isin(groups, codes[codes > 0]) if codes.any() else np.zeros(len(behind), bool)

    def _turn(self, ask: Ask, ranking: Ranking, start: Cursor, shown: int, *, goes_on: bool = False) -> Page:
        begin = skip(ranking, start.of, shown) if ask.page is not None else start
        return turn_to(ranking, begin, ask.n, goes_on=goes_on)

    def _ranking(self, ask: Ask, attempt: Attempt, ordered: Ordered, tail: Tail, pins: Pins) -> Ranking:
        rows = np.concatenate([attempt.head.rows, tail.rows])
        behind = np.concatenate([np.zeros(len(ordered.scores)), np.ones(len(tail.rows))])
        scores = np.concatenate([ordered.scores, tail.scores])
        relevance = (behind, -scores)
        sorted_by = sort_keys(
            ask.sort, rows, facts=self.facts, popularity=self._matching.popularity, relevance=relevance
        )
        groups = self.facts.group(rows) if ask.group else np.zeros(len(rows), np.int64)
        ranking = Ranking(rows, (*sorted_by, *relevance, self._ties.of(rows)), groups, self._ties)
        return ranking.without_pinned(pins, self.facts)

    def _facets(self, ask: Ask, attempt: Attempt, curated: Curated, pins: Pins) -> tuple[Facet, ...]:
        parts = [*parts_of(ask.filter), *(part for one in attempt.strict for part in parts_of(one.filter))]

        def matching(field: str | None) -> Mask:
            question = attempt.question
            if field is not None:
                question = self._attempts.widened(ask, curated, attempt, field)
            mask = self._matching.mask(question, attempt.head if field is None else None)
            if pins:
                mask = mask.copy()
                mask[[row for _, row in pins]] = True
            return mask

        return count_facets(self.facts, ask.facets, parts, matching, ask.facet_values)

    def _suggestion(self, ask: Ask, answer: Rescued, total: int) -> str | None:
        """Another spelling, where little was found or words are missing."""
        if answer.corrected_from is not None or (total > FEW and answer.attempt.coverage >= COVERED):
            return None
        if total > FEW and self._attempts.as_understood(answer.attempt):
            return None
        return self._correction(ask, answer.attempt)

    def _correction(self, ask: Ask, attempt: Attempt) -> str | None:
        words, query = self._hybrid().words, attempt.head.query
        if words is None or query is None or not ask.typos or ask.prefix:
            return None
        return words.correct(query)

    def _hits(self, ask: Ask, attempt: Attempt, ordered: Ordered, page: Page) -> tuple[Hit, ...]:
        head = attempt.head
        place = {row: at for at, row in enumerate(head.rows.tolist())}
        least = float(ordered.scores.min()) if len(ordered.scores) else 0.0
        hits = []
        for row, highlights in zip(page.rows, self._highlights(ask, attempt, page.rows), strict=True):
            at = place.get(row)
            hits.append(
                Hit(
                    self.facts.ids[row],
                    least if at is None else float(ordered.scores[at]),
                    highlights,
                    ordered.reasons[at] if at is not None and at < len(ordered.reasons) else (),
                    ordered.parts(at) if at is not None else {},
                    tuple(self.facts.ids[other] for other in page.variants.get(row, ())),
                )
            )
        return tuple(hits)

    def _highlights(self, ask: Ask, attempt: Attempt, rows: Sequence[int]) -> list[Mapping[str, str]]:
        words, query = self._hybrid().words, attempt.head.query
        if not ask.highlight or words is None or query is None:
            return [{}] * len(rows)
        return highlights_of(self.facts, rows, words.marks(query))
