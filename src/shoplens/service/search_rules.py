"""What the shop tells its search: curation, synonyms and words of its own, changed while it is open.

They stand in the store, where every process follows them, and in files beside shoplens.toml. Both hold together; of two
pins of one product the one that was told last counts, and what was told counts before the file.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from shoplens.apps.search.curation import Curation, Rule
from shoplens.apps.search.curation_rules import MOST_RULES, read_rules, told_rule, written_rules
from shoplens.domain.search_rules import RuleKind, SearchRule
from shoplens.errors import ConfigurationError, InputError, NotFoundError, ShoplensError
from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.folding import HAN, fold
from shoplens.retrieval.lexical.synonyms import LONGEST, MOST, Synonyms, parse_words, read_words
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

log = logging.getLogger(__name__)
MOST_TOLD = {RuleKind.CURATION: MOST_RULES, RuleKind.SYNONYMS: MOST, RuleKind.WORDS: MOST}  # that hold at once

_HAN = re.compile(f"[{HAN}]")

Told: TypeAlias = str | Mapping[str, Any]  # a line of synonyms, a word; or a rule of curation


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of the workspace that holds beside what was told."""

    kind: RuleKind
    name: str
    rules: int  # in it; 0 when there is no such file
    problem: str | None = None  # why it cannot be read; what it said before holds on
    left_out: int = 0  # words without a Chinese character: these are never cut apart


class SearchRules:
    """Rules of one shop; see the module. `follow` takes in what files and other processes say.

    ConfigurationError when a file cannot be read as the shop opens; later, and always when not `strict`, it is
    reported, and the rules before stay.
    """

    def __init__(self, workspace: Workspace, store: Store, *, strict: bool = True) -> None:
        settings = workspace.settings.search
        self._store = store
        self._paths = {
            RuleKind.CURATION: workspace.root / settings.curation,
            RuleKind.SYNONYMS: workspace.root / settings.synonyms,
            RuleKind.WORDS: workspace.root / settings.words,
        }
        self._files = {kind: _File(kind, path, strict=strict) for kind, path in self._paths.items()}
        self._lock = threading.Lock()
        self._revision = -1
        self._changed: set[RuleKind] = set()  # what was seen to change, but is not taken in yet
        self.curation = Curation()
        self.analyser = Analyser()
        self.follow()

    def follow(self) -> bool:
        """Look again. Returns whether anything changed."""
        with self._lock:
            self._changed |= {kind for kind, file in self._files.items() if file.follow()}
            revision = self._store.search_rules.revision()  # may fail: what changed is remembered for the next look
            if revision != self._revision:  # also the first time
                self._changed |= set(RuleKind)
            if not self._changed:
                return False
            self._take(self._store.search_rules.list(), self._changed)
            self._revision = revision
            self._changed = set()
            return True

    def list(self, kind: RuleKind | None = None, *, removed: bool = False) -> Sequence[SearchRule]:
        """What was told and holds, or what was taken away; in the order in which it was told."""
        found = self._store.search_rules.list(removed=removed)
        return [one for one in found if kind is None or one.kind is kind]

    def files(self) -> Sequence[RuleFile]:
        """What stands beside, in files."""
        return [
            RuleFile(kind, file.path.name, len(file.lines), file.problem, file.left_out)
            for kind, file in self._files.items()
        ]

    def tell(self, told: Mapping[RuleKind, Sequence[Told]], *, replace: bool = False) -> Sequence[SearchRule]:
        """Add rules; those that hold already are not told twice. `replace`: others of these kinds hold no more.

        All or nothing: InputError names the first that makes no sense. Returns the new ones. They hold here at the next
        `follow`, in other processes within a second.
        """
        holding = self.list()
        add: list[tuple[RuleKind, str]] = []
        remove: list[int] = []
        for kind, some in told.items():
            bodies = list(dict.fromkeys(_body(kind, one, number) for number, one in enumerate(some, start=1)))
            wanted = set(bodies)
            before = [one for one in holding if one.kind is kind]
            known = {one.body for one in before}
            new = [(kind, body) for body in bodies if body not in known]
            gone = [one.rule_id for one in before if one.body not in wanted] if replace else []
            if len(before) + len(new) - len(gone) > MOST_TOLD[kind]:
                raise InputError(f"{kind}: {MOST_TOLD[kind]:,} rules hold at the most; take some away first")
            add += new
            remove += gone
        return self._store.search_rules.change(_now(), add=add, remove=remove)

    def tell_file(self, kind: RuleKind, path: Path, *, replace: bool = False) -> Sequence[SearchRule]:
        """The same with all that a file says, in the format of the workspace's own. ConfigurationError names the line
        that cannot be read. Words without a Chinese character are left out: `sorted_words` tells which."""
        told: Sequence[Told]
        if kind is RuleKind.CURATION:
            told = written_rules(path)
        elif kind is RuleKind.WORDS:
            told, _ = sorted_words(path)
        else:
            Synonyms.read(path)
            told = [line for line in _plain_lines(path.read_text(encoding="utf-8-sig")) if line]
        return self.tell({kind: told}, replace=replace)

    def remove(self, rule_ids: Sequence[int]) -> Sequence[SearchRule]:
        """Take rules away; `restore` brings them back. NotFoundError for one that was never told."""
        self._check(rule_ids)
        self._store.search_rules.change(_now(), remove=rule_ids)
        return [one for one in self.list(removed=True) if one.rule_id in set(rule_ids)]

    def restore(self, rule_ids: Sequence[int]) -> Sequence[SearchRule]:
        """Let rules hold again, unless the same was told since. NotFoundError for one that was never told, InputError
        when more than hold at the most would."""
        self._check(rule_ids)
        holding = {(one.kind, one.body) for one in self.list()}
        again = {(one.kind, one.body): one for one in self.list(removed=True) if one.rule_id in set(rule_ids)}
        new = [one for said, one in again.items() if said not in holding]
        for kind, most in MOST_TOLD.items():
            if sum(one is kind for one, _ in holding) + sum(one.kind is kind for one in new) > most:
                raise InputError(f"{kind}: {most:,} rules hold at the most; take some away first")
        self._store.search_rules.restore([one.rule_id for one in new])
        return [one for one in self.list() if one.rule_id in set(rule_ids)]

    def _check(self, rule_ids: Sequence[int]) -> None:
        known = {one.rule_id for one in (*self.list(), *self.list(removed=True))}
        for number in rule_ids:
            if number not in known:
                raise NotFoundError(f"there is no rule {number}; see: shoplens rules list")

    def _take(self, told: Sequence[SearchRule], changed: Iterable[RuleKind]) -> None:
        """Let these and the files hold from now on."""
        changed = set(changed)
        bodies = {kind: [one.body for one in told if one.kind is kind] for kind in RuleKind}
        if RuleKind.CURATION in changed:
            newest_first = [rule for body in reversed(bodies[RuleKind.CURATION]) if (rule := _kept_rule(body))]
            self.curation.replace([*newest_first, *self._files[RuleKind.CURATION].lines])
        words = tuple(dict.fromkeys((*bodies[RuleKind.WORDS], *self._files[RuleKind.WORDS].lines)))
        synonyms = Synonyms((*_synonyms(bodies[RuleKind.SYNONYMS]), *self._files[RuleKind.SYNONYMS].lines))
        fresh = Analyser(words=words) if RuleKind.WORDS in changed else self.analyser
        if fresh.words == self.analyser.words:
            fresh = self.analyser  # the dictionary need not be read again
        if fresh is not self.analyser or synonyms != self.analyser.synonyms:
            self.analyser = fresh.with_synonyms(synonyms)


class _File:
    """What one file says. One that turns wrong is reported, and what it said before holds on."""

    def __init__(self, kind: RuleKind, path: Path, *, strict: bool) -> None:
        self.kind = kind
        self.path = path
        self.lines: Sequence[Any] = ()
        self.problem: str | None = None
        self.left_out = 0
        self._stamp: tuple[int, int] | None = None
        if strict:
            self._look()
        else:
            self.follow()

    def follow(self) -> bool:
        """Read the file again when it changed, or could not be read. Returns whether it says something else."""
        try:
            changed = self._look()
        except ConfigurationError as error:
            if self.problem != str(error):  # said once, tried each time: it may be readable again as it is
                log.warning("%s; the rules before stay in force", error)
            self.problem = str(error)
            return False
        self.problem = None
        return changed

    def _look(self) -> bool:
        try:
            status = self.path.stat()
        except OSError:
            stamp = None
        else:
            stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return False
        before = self.left_out
        self.lines, self.left_out = _read(self.kind, self.path) if stamp is not None else ((), 0)
        self._stamp = stamp
        if self.left_out > before:
            log.warning("%s: %d words without a Chinese character are left out", self.path.name, self.left_out)
        return True


def _read(kind: RuleKind, path: Path) -> tuple[Sequence[Any], int]:
    """What a file says, and how much of it is left out."""
    if kind is RuleKind.CURATION:
        return read_rules(path), 0
    if kind is RuleKind.SYNONYMS:
        return Synonyms.read(path).others, 0
    words, others = sorted_words(path)
    return words, len(others)


def sorted_words(path: Path) -> tuple[Sequence[str], Sequence[str]]:
    """Words of a file that have a Chinese character, and the others, which nothing cuts apart: they need no rule."""
    words = read_words(path)
    return [word for word in words if _is_chinese(word)], [word for word in words if not _is_chinese(word)]


def rule_json(one: SearchRule) -> Told:
    """What was told, as it was told."""
    return orjson.loads(one.body) if one.kind is RuleKind.CURATION else one.body


def _body(kind: RuleKind, told: Told, number: int) -> str:
    """A rule as it is kept. InputError says which of several it is, and what is wrong."""
    try:
        if kind is RuleKind.CURATION:
            rule = told_rule(told)
            if rule.since is not None and rule.until is not None and rule.until < rule.since:
                raise InputError("until: it is before from, so the rule would never hold")
            return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()
        if not isinstance(told, str):
            raise InputError(f"expected a text, not {type(told).__name__}")
        return _line(kind, told)
    except (ShoplensError, TypeError) as error:
        raise InputError(f"{kind}, rule {number}: {error}") from error


def _line(kind: RuleKind, told: str) -> str:
    lines = _plain_lines(told)
    if len(lines) != 1 or not lines[0]:
        raise InputError("it says nothing" if len(lines) < 2 else "it has several lines; tell them one by one")
    if kind is RuleKind.SYNONYMS:
        try:
            Synonyms.parse(lines[0])
        except ConfigurationError as error:
            raise InputError(str(error).partition("line 1: ")[2]) from error
        return lines[0]
    (word, *_) = parse_words(lines[0])
    if len(word) > LONGEST or not _is_chinese(word):
        raise InputError(
            f"{word[:LONGEST]!r} is no word of at most {LONGEST} characters with a Chinese one among them: others are "
            "never cut apart"
        )
    return word


def _plain_lines(text: str) -> Sequence[str]:
    """Without comments."""
    return [line.partition("#")[0].strip() for line in text.splitlines()]


def _is_chinese(word: str) -> bool:
    return _HAN.search(fold(word).text) is not None


def _kept_rule(body: str) -> Rule | None:
    """A rule of the store; None, with a warning, where another version of Shoplens wrote what is not known here."""
    try:
        return told_rule(orjson.loads(body))
    except (ShoplensError, ValueError) as error:
        log.warning("a rule of curation cannot be used: %s", error)
        return None


def _synonyms(bodies: Sequence[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Of the store; what another version of Shoplens wrote and is not understood here is left out, with a warning."""
    for body in bodies:
        try:
            yield from Synonyms.parse(body).others
        except ConfigurationError as error:
            log.warning("synonyms of the store cannot be used: %s", error)


def _now() -> int:
    """Microseconds since 1970."""
    return int(time.time() * 1e6)
