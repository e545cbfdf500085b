"""Rules of curation as people write them: a file, or one rule after another.

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

As JSON a rule has the same names, and days as texts: "2026-06-01".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from shoplens.apps.search.curation import Rule, pattern_of
from shoplens.errors import ConfigurationError, InputError, ShoplensError
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.rules import Boost

MOST_RULES = 5_000
MOST_ITEMS = 1_000  # pinned or hidden by one rule
MOST_BOOSTS = 50  # and as many that bury
LAST_PLACE = 1_000
STRONGEST = 10.0  # standard deviations
NAMES = frozenset({"query", "pin", "hide", "boost", "bury", "from", "until"})

Wrong = Callable[[str, str], ShoplensError]  # the error of an entry (its name) and what is wrong with it


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Rules of a file. ConfigurationError names the line."""
    lines, tables = _tables(path)
    starts = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]

    def wrong(number: int, name: str, why: str) -> ConfigurationError:
        """The error, with the line of the rule's entry where it can be told."""
        start = starts[number] if number < len(starts) else 0
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        entry = re.compile(rf"\s*(?:\[\[?\s*rule\s*\.\s*)?[\"']?{re.escape(name)}\b")
        line = next((at for at in range(start, end) if entry.match(lines[at])), start)
        return ConfigurationError(f"{path}, line {line + 1}: {name}: {why}")

    return tuple(
        _RuleReader(lambda name, why, at=number: wrong(at, name, why)).rule(one)  # type: ignore[misc]
        for number, one in enumerate(tables)
    )


def written_rules(path: Path) -> list[dict[str, Any]]:
    """The same as tables, to be told one by one: days are texts. ConfigurationError for a file with a wrong rule."""
    read_rules(path)
    return [{name: _text_of(value) for name, value in one.items()} for one in _tables(path)[1]]


def told_rule(told: Any) -> Rule:
    """A rule that was told as JSON. InputError says which entry is wrong, and why."""
    given = told
    if isinstance(told, Mapping):
        given = {**told, **{name: _day_of(told[name]) for name in ("from", "until") if name in told}}
    return _RuleReader(lambda name, why: InputError(f"{name}: {why}")).rule(given)


def _tables(path: Path) -> tuple[list[str], list[Any]]:
    """Lines of a file and its tables [[rule]]."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: this is no TOML: {error}") from error
    given = told.pop("rule", [])
    if told:
        raise ConfigurationError(f"{path}: {next(iter(told))!r} is not known; rules stand under [[rule]]")
    if not isinstance(given, list) or len(given) > MOST_RULES or not all(isinstance(one, Mapping) for one in given):
        raise ConfigurationError(f"{path}: rules stand under [[rule]], {MOST_RULES:,} at the most")
    return text.splitlines(), given


def _day_of(told: Any) -> Any:
    """A day written as text; anything else as it is."""
    try:
        return date.fromisoformat(told) if isinstance(told, str) else told
    except ValueError:
        return told


def _text_of(told: Any) -> Any:
    """A day as text; anything else as it is."""
    if isinstance(told, datetime):
        return told.date().isoformat()
    return told.isoformat() if isinstance(told, date) else told


class _RuleReader:
    """Turns a table into a rule."""

    def __init__(self, wrong: Wrong) -> None:
        self.wrong = wrong

    def rule(self, told: Any) -> Rule:
        """One table."""
        if not isinstance(told, Mapping):
            raise self.wrong("rule", 'expected a table such as { query = "summer dress", pin = ["sku-7"] }')
        unknown = sorted(set(told) - NAMES)
        if unknown:
            raise self.wrong(unknown[0], f"not known; a rule may say {', '.join(sorted(NAMES))}")
        queries = told.get("query")
        queries = [queries] if isinstance(queries, str) else queries
        if not isinstance(queries, list) or not queries or not all(isinstance(one, str) for one in queries):
            raise self.wrong("query", 'expected a text such as "summer dress", or a list of texts')
        rule = Rule(
            tuple(pattern_of(one) for one in queries),
            tuple(self._pins(told.get("pin", []))),
            tuple(self._items("hide", told.get("hide", []))),
            (*self._boosts("boost", told, 1.0), *self._boosts("bury", told, -1.0)),
            self._day("from", told),
            self._day("until", told),
        )
        if not (rule.pins or rule.hidden or rule.boosts):
            raise self.wrong("query", "the rule does nothing; give it pin, hide, boost or bury")
        return rule

    def _items(self, name: str, told: Any) -> list[str]:
        if (
            not isinstance(told, list)
            or len(told) > MOST_ITEMS
            or not all(isinstance(one, str) and one for one in told)
        ):
            raise self.wrong(name, f'expected item ids such as ["sku-7"], {MOST_ITEMS} at the most')
        return told

    def _pins(self, told: Any) -> list[tuple[int, str]]:
        what = f'expected item ids such as ["sku-7"], or places: [{{ item = "sku-7", place = 3 }}], 1 to {LAST_PLACE}'
        if not isinstance(told, list) or len(told) > MOST_ITEMS:
            raise self.wrong("pin", what)
        pins = []
        for position, one in enumerate(told, start=1):
            item, place = (one, position) if isinstance(one, str) else (None, None)
            if isinstance(one, Mapping) and set(one) == {"item", "place"}:
                item, place = one["item"], one["place"]
            good = isinstance(place, int) and not isinstance(place, bool) and 1 <= place <= LAST_PLACE
            if not isinstance(item, str) or not item or not good or place is None:
                raise self.wrong("pin", what)
            pins.append((place, item))
        return pins

    def _boosts(self, name: str, told: Mapping[str, Any], sign: float) -> list[Boost]:
        given = told.get(name, [])
        if not isinstance(given, list) or len(given) > MOST_BOOSTS:
            raise self.wrong(name, f"expected a list of tables, {MOST_BOOSTS} at the most")
        boosts = []
        for one in given:
            if not isinstance(one, Mapping) or not {"filter"} <= set(one) <= {"filter", "by"}:
                raise self.wrong(name, 'expected { filter = { field = "brand", eq = "Acme" }, by = 1.0 }')
            by = one.get("by", 1.0)
            if isinstance(by, bool) or not isinstance(by, int | float) or not 0 < by <= STRONGEST:
                raise self.wrong(name, f"by: expected a number above 0, {STRONGEST:g} at the most")
            try:
                boosts.append(Boost(parse_filter(one["filter"]), sign * float(by)))
            except InputError as error:
                raise self.wrong(name, str(error)) from error
        return boosts

    def _day(self, name: str, told: Mapping[str, Any]) -> date | None:
        value = told.get(name)
        if isinstance(value, datetime):
            return value.date()
        if value is not None and not isinstance(value, date):
            raise self.wrong(name, "expected a day such as 2026-06-01, in a file without quotes")
        return value
