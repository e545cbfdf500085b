"""Dialogues of the past: what somebody said, what they wanted, what was answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

#: Ours → the names that exports use, in the order in which they are looked for.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "utterance": ("utterance", "instruction", "text", "query", "question", "message", "input"),
        "intent": ("intent", "label", "category", "class"),
        "answer": ("answer", "response", "reply", "output"),
        "slots": ("slots", "entities"),
        "slot": ("entity_type", "slot"),
        "value": ("entity_value", "value"),
        "source": ("source", "document", "passage", "heading"),
    }
)
OUT_OF_SCOPE = frozenset({"out_of_scope", "oos", "oot", "other", "none"})
ALIKE = 90  # similarity in percent from which two utterances are one said twice
BLOCK = 2_000  # utterances compared at a time, so that memory stays bounded

_AMOUNT = re.compile(r"[#$€£¥]?\s?\d[\d.,]*")


def _no_slots() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance of the past."""

    utterance: str
    intent: str | None = None
    answer: str | None = None
    slots: Mapping[str, str] = field(default_factory=_no_slots)  # name → what was said
    source: str | None = None  # what answers it, for evaluation; see `retrieval_evaluation`
    overheard: bool = False  # stands in a transcript only, and is forgotten with it


def columns_of(names: Sequence[str]) -> dict[str, str]:
    """Ours → the file's column. Without an utterance there is nothing to learn from: then the dictionary lacks it."""
    known = {name.strip().lower(): name for name in names}
    return {
        ours: known[theirs]
        for ours, choices in COLUMNS.items()
        for theirs in [next((choice for choice in choices if choice in known), None)]
        if theirs is not None
    }


def example_of(row: Mapping[str, Any], columns: Mapping[str, str]) -> Example | str:
    """An example, or why the row cannot be one."""

    def text(name: str) -> str:
        value = row.get(columns.get(name, ""))
        return " ".join(str(value).split()) if value is not None and name != "answer" else str(value or "").strip()

    utterance = text("utterance")
    if not utterance:
        return "no utterance"
    if len(utterance) > 2_000:
        return "an utterance of more than 2,000 characters"
    slots: dict[str, str] = {}
    given = row.get(columns.get("slots", ""))
    if isinstance(given, Mapping):
        slots = {str(name): str(value) for name, value in given.items() if value not in (None, "")}
    if text("slot") and text("value"):
        slots[text("slot")] = text("value")
    return Example(utterance, text("intent") or None, text("answer") or None, slots, text("source") or None)


def canonical(example: Example) -> str:
    """What is said, apart from numbers, values of slots, capitals and the order of words."""
    said = example.utterance.lower()
    for value in example.slots.values():
        said = said.replace(value.lower(), " _ ")
    said = _AMOUNT.sub(" _ ", said)
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?|_", said)
    return " ".join(sorted(set(words)))


def groups_of(examples: Sequence[Example]) -> npt.NDArray[np.int64]:
    """A number for each example; near-duplicates have the same. [n]

    Two utterances are near-duplicates when their canonical forms are `ALIKE` percent the same (normalised edit
    distance), and so is whatever hangs together through such pairs. Splits that keep groups whole do not test what was
    learnt by heart.
    """
    forms = [canonical(one) for one in examples]
    different = sorted(set(forms), key=lambda form: (len(form), form))
    rows, columns = [], []
    for start in range(0, len(different), BLOCK):
        part = different[start : start + BLOCK]
        reach = len(part[-1]) * 100 // ALIKE + 1  # longer ones cannot be alike
        stop = next((place for place in range(start, len(different)) if len(different[place]) > reach), len(different))
        scores = process.cdist(part, different[start:stop], scorer=fuzz.ratio, score_cutoff=ALIKE, dtype=np.uint8)
        first, second = np.nonzero(scores)
        rows.append(first + start)
        columns.append(second + start)
    pairs = np.concatenate(rows) if rows else np.zeros(0, np.int64), np.concatenate(columns) if columns else None
    if pairs[1] is None:
        return np.zeros(0, np.int64)
    shape = (len(different), len(different))
    _, component = connected_components(csr_matrix((np.ones(len(pairs[0]), bool), pairs), shape), directed=False)
    place = {form: row for row, form in enumerate(different)}
    return np.array([component[place[form]] for form in forms], np.int64)


def hold_out(groups: npt.NDArray[np.int64], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which examples are held out: about this share of them, whole groups. bool [n]"""
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    sizes = np.bincount(groups)[order]
    held = order[: int(np.searchsorted(np.cumsum(sizes), share * len(groups)))]
    return np.isin(groups, held)
