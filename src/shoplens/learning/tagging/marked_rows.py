"""A JSON row with entities marked in it, in the fields that annotation tools and data sets write.

{"text": …, "entities": [{"start": 0, "end": 4, "label": "BRAND"}]}   spaCy, Prodigy (spans), `entities tag --json`
{"text": …, "entities": [{"start_offset": …, "end_offset": …, "label": …}]}, {"text": …, "label": [[0, 4, …]]}  doccano
{"data": {"text": …}, "annotations": [{"result": [{"value": {"start": …, "labels": […]}}]}]}       Label Studio
{"tokens": […], "ner_tags": ["B-BRAND", "O"]}                                              Hugging Face datasets
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoplens.domain.tagging import TaggedSentence
from shoplens.errors import FormatError
from shoplens.ingest.tagged import ROWS, scheme_label, tagged_sentence

TOKENS = ("tokens", "words")
TAGS = ("ner_tags", "tags", "labels", "ner")
SPANS = ("entities", "spans", "ents", "label", "labels")
STARTS, ENDS = ("start", "start_offset"), ("end", "end_offset")
KINDS = ("label", "labels", "kind", "entity_group", "type")
LONGEST_KIND = 100  # characters; what is longer is no name of a kind


@dataclass(frozen=True, slots=True)
class Mark:
    """An entity by characters of its text, as it was written; `text`: what its writer saw there, if that is told."""

    start: int
    end: int
    kind: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A raw text and what is marked in it, not yet cut into units."""

    text: str
    marks: tuple[Mark, ...]


def read_row(row: object) -> MarkedText | TaggedSentence:
    """What a row says. FormatError with the reason alone when it cannot be used."""
    if isinstance(row, list) and len(row) == 2 and isinstance(row[1], dict):
        row = {**row[1], "text": row[0]}  # spaCy's pairs
    if not isinstance(row, dict):
        raise FormatError(f"not an object; expected {ROWS}")
    if row.get("answer") in ("reject", "ignore"):
        raise FormatError(f"its annotator's answer is {row['answer']}")
    tokens, tags = _first(row, TOKENS), _first(row, TAGS)
    if isinstance(tokens, list) and isinstance(tags, list) and all(isinstance(one, str) for one in tokens):
        return _tagged(tokens, tags)
    if isinstance(row.get("data"), dict):
        row = _label_studio(row)
    text, spans = row.get("text"), _first(row, SPANS)
    if not isinstance(text, str) or not text.strip():
        raise FormatError(f"no text; expected {ROWS}")
    if not isinstance(spans, list):
        raise FormatError('no list of entities; where there are none, write "entities": []')
    return MarkedText(text, tuple(mark for one in spans for mark in _marks(one)))


def _tagged(tokens: list[str], tags: list[Any]) -> TaggedSentence:
    if len(tokens) != len(tags):
        raise FormatError("tokens and tags are not equally many")
    if not all(one.strip() for one in tokens):
        raise FormatError("a token is empty")
    if any(isinstance(one, int) for one in tags):
        raise FormatError("tags are numbers; write their names: dataset.features['ner_tags'].feature.int2str")
    labels = [scheme_label(one) if isinstance(one, str) else None for one in tags]
    if None in labels:
        raise FormatError("a tag is not O, B-KIND or I-KIND (nor E-, L-, S-, U-)")
    return tagged_sentence(tokens, [one for one in labels if one is not None])


def _label_studio(row: Mapping[str, Any]) -> dict[str, Any]:
    """One annotator's work of a task; who skipped it said nothing."""
    done = row.get("annotations")
    works = [one for one in done if isinstance(one, dict) and not one.get("was_cancelled")] if done else []
    if not isinstance(done, list) or not works or not isinstance(works[0].get("result"), list):
        raise FormatError("nobody annotated it (no annotations with a result)")
    texts = [one for one in row["data"].values() if isinstance(one, str)]
    text = row["data"].get("text", texts[0] if len(texts) == 1 else None)
    values = [
        one["value"] for one in works[0]["result"] if isinstance(one, dict) and isinstance(one.get("value"), dict)
    ]
    return {"text": text, "entities": [one for one in values if "labels" in one]}


def _marks(span: object) -> list[Mark]:
    """The marks of one span: as many as it has kinds."""
    if isinstance(span, list) and len(span) == 3:
        span = dict(zip(("start", "end", "label"), span, strict=True))
    if not isinstance(span, dict):
        raise FormatError('an entity is neither {"start", "end", "label"} nor [start, end, label]')
    start, end, kinds, text = (_first(span, STARTS), _first(span, ENDS), _first(span, KINDS), span.get("text"))
    if type(start) is not int or type(end) is not int:
        raise FormatError("an entity has no start and end in whole numbers")
    named = kinds if isinstance(kinds, list) else [kinds]
    if not named or not all(isinstance(one, str) and 0 < len(one.strip()) <= LONGEST_KIND for one in named):
        raise FormatError("an entity has no label, or one that is no short name")
    return [Mark(start, end, one.strip(), text if isinstance(text, str) else None) for one in named]


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
