"""Answers of the past as templates: values that belonged to one customer become slots, one answer stands for many.

Of all answers that were given to one intent in one situation (a language, and which slots the customer named), the one
nearest to all others is taken (the medoid of their tf-idf vectors), among those that need the least that nobody knows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shoplens.apps.assistant.grounding.claims import numbers_of
from shoplens.apps.assistant.intents.examples import Example
from shoplens.apps.assistant.languages import spoken_in
from shoplens.apps.assistant.sentences import split_sentences, without_marker

SLOT = re.compile(r"\{\{\s*([^{}]{1,80}?)\s*\}\}")
MOST_COMPARED = 400  # answers of one situation
_ABOUT_A_SLOT = re.compile(r"anonymi[sz]ed|number|\bid\b|amount|city|country|\bname\b", re.IGNORECASE)

#: What a placeholder asks the shop for: fact → how exports name it.
FACTS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in (
        ("email", r"e-?mail|邮箱"),
        ("phone", r"phone|hotline|toll|电话|热线"),
        ("hours", r"hours|availability|working time|时间"),
        ("website", r"url|link|address of the site|网址"),
        ("chat", r"live chat|chat support|在线客服"),
        ("name", r"company|website name|store name|platform name|^website|^site|^app|^platform|商店名|公司"),
    )
}


@dataclass(frozen=True, slots=True)
class Template:
    """One answer. `{{slot:order_id}}` stands for the customer's, `{{fact:phone}}` for the shop's; others are labels."""

    intent: str
    language: str
    slots: tuple[str, ...]  # that the customer named
    text: str
    count: int  # answers that it stands for


@dataclass(frozen=True, slots=True)
class Spoken:
    """A template with everything filled in, sentence by sentence; those that could not be are left out."""

    sentences: tuple[tuple[str, bool], ...]  # with whether it begins a line
    missing: tuple[str, ...]  # slots that the customer has not named yet


def templates_of(examples: Sequence[Example]) -> list[Template]:
    """The best answer of every intent and situation, most frequent situation first."""
    situations: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for one in examples:
        if one.intent and one.answer:
            key = (one.intent, spoken_in(one.answer, "en"), tuple(sorted(one.slots)))
            situations[key].append(templated(one.answer, one.slots))
    found = [Template(*key, _medoid(answers), len(answers)) for key, answers in situations.items()]
    return sorted(found, key=lambda one: (one.intent, one.language, -one.count, one.slots))


def templated(answer: str, slots: Mapping[str, str]) -> str:
    """An answer with what belonged to one customer as slots."""
    text = answer
    for name, value in sorted(slots.items(), key=lambda pair: -len(pair[1])):
        if len(value) > 1:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"{{{{slot:{name}}}}}", text, flags=re.IGNORECASE)
    only = next(iter(slots)) if len(slots) == 1 else None

    def named(match: re.Match[str]) -> str:
        label = match[1]
        if label.startswith("slot:"):
            return match[0]
        for fact, pattern in FACTS.items():
            if pattern.search(label):
                return f"{{{{fact:{fact}}}}}"
        if _ABOUT_A_SLOT.search(label):
            return f"{{{{slot:{only or _slot_name(label)}}}}}"
        return match[0]

    return SLOT.sub(named, text)


def speak(
    template: Template, slots: Mapping[str, str], facts: Mapping[str, str], allowed: frozenset[float] = frozenset()
) -> Spoken:
    """A template as it is said now.

    A sentence is left out when it needs a slot or fact that nobody knows, or names a number that stands neither in
    what the customer said, nor in the shop's facts, nor in `allowed` (the numbers of its documents): what was true of
    one case once is no promise to another.
    """
    known = {f"slot:{name}": value for name, value in slots.items()} | {
        f"fact:{name}": one for name, one in facts.items()
    }
    numbers = allowed | numbers_of(" ".join(known.values()))
    said: list[tuple[str, bool]] = []
    missing: dict[str, None] = {}
    begins = False
    for sentence, first in split_sentences(template.text):
        begins = begins or first
        wanted = SLOT.findall(sentence)
        lacking = [one for one in wanted if ":" in one and one not in known]
        missing.update(dict.fromkeys(one.removeprefix("slot:") for one in lacking if one.startswith("slot:")))
        filled = SLOT.sub(lambda match: known.get(match[1], match[1]), sentence)
        if lacking or not numbers_of(without_marker(filled)) <= numbers:
            continue
        said.append((filled, begins))
        begins = False
    return Spoken(tuple(_numbered(said)), tuple(missing))


def best_template(
    templates: Sequence[Template], intent: str, language: str, slots: Mapping[str, str]
) -> Template | None:
    """The one whose situation is nearest: as many of the named slots as possible, and none that was not named."""
    fitting = [one for one in templates if one.intent == intent and one.language == language]
    if not fitting:
        return None
    named = set(slots)
    return max(fitting, key=lambda one: (set(one.slots) <= named, len(named & set(one.slots)), one.count))


def as_json(templates: Sequence[Template]) -> list[dict[str, Any]]:
    """For a file."""
    return [asdict(one) for one in templates]


def from_json(told: Sequence[Mapping[str, Any]]) -> tuple[Template, ...]:
    """What `as_json` gave."""
    return tuple(
        Template(one["intent"], one["language"], tuple(one["slots"]), one["text"], int(one["count"])) for one in told
    )


def _medoid(answers: Sequence[str]) -> str:
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second, and needed where one learns only

    few = min(map(_needs, answers))
    good = [one for one in dict.fromkeys(answers) if _needs(one) == few][:MOST_COMPARED]
    if len(good) == 1:
        return good[0]
    try:
        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit_transform(good)
    except ValueError:  # nothing but punctuation
        return good[0]
    nearness = np.asarray(vectors @ np.asarray(vectors.mean(axis=0)).ravel()).ravel()
    return good[int(nearness.argmax())]


def _needs(answer: str) -> int:
    """How much of it nobody may know: slots, facts and numbers of one case, in steps so that one more is no matter."""
    loose = sum(bool(numbers_of(without_marker(one))) for one, _ in split_sentences(SLOT.sub(" ", answer)))
    return (answer.count("{{slot:") + answer.count("{{fact:") + 2 * loose) // 3


def _slot_name(label: str) -> str:
    words = re.sub(r"anonymi[sz]ed", "", label, flags=re.IGNORECASE).strip().lower()
    for name, pattern in (
        ("invoice_id", r"invoice|bill"),
        ("order_id", r"order|purchase"),
        ("refund_amount", r"amount"),
    ):
        if re.search(pattern, words):
            return name
    return re.sub(r"\W+", "_", words).strip("_") or "value"


def _numbered(said: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Steps counted anew, where one in between was left out."""
    step = 0
    counted = []
    for sentence, begins in said:
        marker = re.match(r"(\d{1,2})([.)、])\s+", sentence)
        if marker and begins:
            step = 1 if marker[1] == "1" else step + 1
            sentence = f"{step}{marker[2]} {sentence[marker.end() :]}"  # noqa: PLW2901 - the sentence as it is said
        counted.append((sentence, begins))
    return counted
