"""What the shop itself decides about results: pinned, hidden, lifted and buried products, from a file that is followed.

[[rule]]
query = "summer dress"              # or several: ["summer dress", "夏季连衣裙"]; letter case and plurals count not
pin = ["sku-7", "sku-9"]            # first and second; or at a place: [{ item = "sku-7", place = 3 }]
hide = ["sku-4"]

[[rule]]
query = "*dress*"                   # "*" stands for any words; "*" alone for every search, browsing included
boost = [{ filter = { field = "brand", eq = "Acme" }, by = 1.0 }]     # in standard deviations of the scores
bury = [{ filter = { field = "attributes.season", eq = "winter" }, by = 0.5 }]
from = 2026-06-01                   # days on which it holds (UTC), both included; each may be left out
until = 2026-08-31
"""

from __future__ import annotations

import logging
import re
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from shoplens.apps.search.said_words import key, plain, tokens
from shoplens.errors import ConfigurationError, InputError
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.rules import Boost

log = logging.getLogger(__name__)
LOOK_EVERY = 1.0  # seconds between looks whether the file changed
MOST_RULES = 5_000
MOST_ITEMS = 1_000  # pinned or hidden by one rule
LAST_PLACE = 1_000
STRONGEST = 10.0  # standard deviations
NAMES = frozenset({"query", "pin", "hide", "boost", "bury", "from", "until"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for some queries."""

    queries: tuple[str, ...]  # in the form of `query_key`; "*" stands for any words
    pins: tuple[tuple[int, str], ...] = ()  # place from 1, item_id
    hidden: tuple[str, ...] = ()
    boosts: tuple[Boost, ...] = ()
    since: date | None = None
    until: date | None = None

    def about(self, query: str, day: date) -> tuple[str, ...]:
        """Its patterns that fit this query; none on a day on which it does not hold."""
        if (self.since is not None and day < self.since) or (self.until is not None and day > self.until):
            return ()
        return tuple(pattern for pattern in self.queries if _matches(pattern, query))


@dataclass(frozen=True, slots=True)
class Pin:
    """A product that the shop put somewhere."""

    place: int  # from 1
    item_id: str
    patterns: tuple[str, ...] = ()  # of its rule, those that fit the query

    def names(self, said: str) -> bool:
        """Whether its rule itself has these words: what they mean there is for the shop to say."""
        words = f" {query_key(said)} "
        return any(words in f" {part} " for pattern in self.patterns for part in pattern.split("*"))


@dataclass(frozen=True, slots=True)
class Curated:
    """What holds for one query: of two pins of one product the first rule's counts."""

    pins: tuple[Pin, ...] = ()  # by place
    hidden: frozenset[str] = frozenset()
    boosts: tuple[Boost, ...] = ()


class Curation:
    """Rules of a file. A file that turns wrong while the shop is open is reported, and the rules before it stay."""

    def __init__(self, rules: Sequence[Rule] = (), *, path: Path | None = None) -> None:
        self._path = path
        self._rules = tuple(rules)
        self._stamp: tuple[int, int] | None = None
        self._looked = 0.0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Curation:
        """Rules of a file, none when there is no such file yet. ConfigurationError says in which line it is wrong."""
        curation = cls(path=path)
        curation._stamp = _stamp(path)
        if curation._stamp is not None:
            curation._rules = read_rules(path)
        curation._looked = time.monotonic()
        return curation

    def of(self, text: str, *, day: date | None = None) -> Curated:
        """What holds for a query now."""
        self._follow()
        if not self._rules:
            return Curated()
        query, today = query_key(text), day if day is not None else datetime.now(UTC).date()
        pins: dict[str, Pin] = {}
        hidden: set[str] = set()
        boosts: list[Boost] = []
        for rule in self._rules:
            patterns = rule.about(query, today)
            if patterns:
                for place, item_id in rule.pins:
                    pins.setdefault(item_id, Pin(place, item_id, patterns))
                hidden.update(rule.hidden)
                boosts.extend(rule.boosts)
        shown = (pin for pin in pins.values() if pin.item_id not in hidden)
        order = sorted(shown, key=lambda pin: (pin.place, pin.item_id))
        return Curated(tuple(order), frozenset(hidden), tuple(boosts))

    def _follow(self) -> None:
        """Read the file again when it changed."""
        if self._path is None or time.monotonic() - self._looked < LOOK_EVERY or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked = time.monotonic()
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._rules = read_rules(self._path) if stamp is not None else ()
        except ConfigurationError as error:
            log.warning("%s; the rules before stay in force", error)
        finally:
            self._lock.release()


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Rules of a file. ConfigurationError names the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: this is no TOML: {error}") from error
    reader = _RuleReader(path, text)
    given = told.pop("rule", [])
    if told:
        raise ConfigurationError(f"{path}: {next(iter(told))!r} is not known; rules stand under [[rule]]")
    if not isinstance(given, list) or len(given) > MOST_RULES:
        raise ConfigurationError(f"{path}: rules stand under [[rule]], {MOST_RULES:,} at the most")
    return tuple(reader.rule(number, one) for number, one in enumerate(given))


def query_key(text: str) -> str:
    """A query as rules compare it: plain small words, plurals as singulars."""
    return key(tokens(plain(text)))


class _RuleReader:
    """Turns tables into rules, and knows in which line each stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.starts = [number for number, line in enumerate(self.lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]

    def rule(self, number: int, told: Any) -> Rule:
        """One table [[rule]]."""
        if not isinstance(told, Mapping):
            raise ConfigurationError(f"{self.path}: rules stand under [[rule]]")
        unknown = sorted(set(told) - NAMES)
        if unknown:
            raise self.wrong(number, unknown[0], f"not known; a rule may say {', '.join(sorted(NAMES))}")
        queries = told.get("query")
        queries = [queries] if isinstance(queries, str) else queries
        if not isinstance(queries, list) or not queries or not all(isinstance(one, str) for one in queries):
            raise self.wrong(number, "query", 'expected a text such as "summer dress", or a list of texts')
        rule = Rule(
            tuple(_pattern(one) for one in queries),
            tuple(self._pins(number, told.get("pin", []))),
            tuple(self._items(number, "hide", told.get("hide", []))),
            (*self._boosts(number, "boost", told, 1.0), *self._boosts(number, "bury", told, -1.0)),
            self._day(number, "from", told),
            self._day(number, "until", told),
        )
        if not (rule.pins or rule.hidden or rule.boosts):
            raise self.wrong(number, "query", "the rule does nothing; give it pin, hide, boost or bury")
        return rule

    def wrong(self, number: int, name: str, why: str) -> ConfigurationError:
        """The error, with the line of the rule's entry where it can be told."""
        start = self.starts[number] if number < len(self.starts) else 0
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.lines)
        entry = re.compile(rf"\s*(?:\[\[?\s*rule\s*\.\s*)?[\"']?{re.escape(name)}\b")
        line = next((at for at in range(start, end) if entry.match(self.lines[at])), start)
        return ConfigurationError(f"{self.path}, line {line + 1}: {name}: {why}")

    def _items(self, number: int, name: str, told: Any) -> list[str]:
        if (
            not isinstance(told, list)
            or len(told) > MOST_ITEMS
            or not all(isinstance(one, str) and one for one in told)
        ):
            raise self.wrong(number, name, f'expected item ids such as ["sku-7"], {MOST_ITEMS} at the most')
        return told

    def _pins(self, number: int, told: Any) -> list[tuple[int, str]]:
        what = f'expected item ids such as ["sku-7"], or places: [{{ item = "sku-7", place = 3 }}], 1 to {LAST_PLACE}'
        if not isinstance(told, list) or len(told) > MOST_ITEMS:
            raise self.wrong(number, "pin", what)
        pins = []
        for position, one in enumerate(told, start=1):
            item, place = (one, position) if isinstance(one, str) else (None, None)
            if isinstance(one, Mapping) and set(one) == {"item", "place"}:
                item, place = one["item"], one["place"]
            good = isinstance(place, int) and not isinstance(place, bool) and 1 <= place <= LAST_PLACE
            if not isinstance(item, str) or not item or not good or place is None:
                raise self.wrong(number, "pin", what)
            pins.append((place, item))
        return pins

    def _boosts(self, number: int, name: str, told: Mapping[str, Any], sign: float) -> list[Boost]:
        given = told.get(name, [])
        if not isinstance(given, list) or len(given) > 50:
            raise self.wrong(number, name, "expected a list of tables, 50 at the most")
        boosts = []
        for one in given:
            if not isinstance(one, Mapping) or not {"filter"} <= set(one) <= {"filter", "by"}:
                raise self.wrong(number, name, 'expected { filter = { field = "brand", eq = "Acme" }, by = 1.0 }')
            by = one.get("by", 1.0)
            if isinstance(by, bool) or not isinstance(by, int | float) or not 0 < by <= STRONGEST:
                raise self.wrong(number, name, f"by: expected a number above 0, {STRONGEST:g} at the most")
            try:
                boosts.append(Boost(parse_filter(one["filter"]), sign * float(by)))
            except InputError as error:
                raise self.wrong(number, name, str(error)) from error
        return boosts

    def _day(self, number: int, name: str, told: Mapping[str, Any]) -> date | None:
        value = told.get(name)
        if isinstance(value, datetime):
            return value.date()
        if value is not None and not isinstance(value, date):
            raise self.wrong(number, name, "expected a day such as 2026-06-01, without quotes")
        return value


def _pattern(text: str) -> str:
    return "*".join(query_key(part) for part in text.split("*"))


def _matches(pattern: str, query: str) -> bool:
    """Whether the parts of a pattern stand in a query, as whole words, in this order; all of it where no "*" is."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return query == pattern
    if parts[0] and not (query == parts[0] or query.startswith(f"{parts[0]} ")):
        return False
    if parts[-1] and not (query == parts[-1] or query.endswith(f" {parts[-1]}")):
        return False
    rest = f" {query} "
    for part in parts:
        found = rest.find(f" {part} ") if part else 0
        if found < 0:
            return False
        rest = rest[found + len(part) + 1 :] if part else rest
    return True


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes with the file; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
