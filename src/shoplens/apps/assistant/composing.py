"""Answers out of what was found: passages quoted, templates filled, words of an endpoint checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from shoplens.apps.assistant.grounding import support_of
from shoplens.apps.assistant.grounding.claims import claims_of, words_of
from shoplens.apps.assistant.intents.templates import Spoken, Template
from shoplens.apps.assistant.knowledge.index import Hit
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.apps.assistant.sentences import sentences_as_they_come, split_sentences
from shoplens.apps.assistant.turns import Outcome, Sentence, Source
from shoplens.apps.assistant.wording import say

MOST_QUOTED = 5  # sentences of a passage
_TALK = re.compile(
    r"^(?:(?:thank you|thanks)(?: for (?:asking|your (?:question|patience|message)))?|"
    r"hello|hi|of course|certainly|sure|happy to help|"
    r"i hope (?:this|that) helps|let me know if (?:you need|there is) anything else|"
    r"is there anything else(?: i can (?:do|help with))?|"
    r"您好|好的|当然|希望对您有帮助|还有(?:什么|其他)(?:可以帮您|问题)的?吗?|感谢您的(?:咨询|"
    r"提问|耐心))[\s,.!?，。！？]*$",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Draft:
    """An answer on its way."""

    outcome: Outcome
    sentences: list[Sentence] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    items: tuple[str, ...] = ()
    question: str | None = None
    options: tuple[str, ...] = ()


def quoted(hit: Hit, asked: str) -> Draft:
    """A passage in its own words: all of a short one, else the sentences nearest to the question, in their order."""
    passage = hit.passage
    source = document_source(hit)
    whole = [(one, begins) for one, begins in split_sentences(passage.text) if not speaks_to_us(one)]
    chosen = whole
    if len(whole) > MOST_QUOTED:
        wanted = words_of(asked)
        shared = [len(words_of(one) & wanted) / max(len(words_of(one)), 1) ** 0.5 for one, _ in whole]
        order = sorted(range(len(whole)), key=lambda place: (-shared[place], place))[:MOST_QUOTED]
        chosen = [whole[place] for place in sorted(order)]
    sentences = [Sentence(one, (source.id,), "\n" if begins else _gap(one)) for one, begins in chosen]
    return Draft("answered" if sentences else "unknown", sentences, [source])


def document_source(hit: Hit) -> Source:
    """Where a passage stands."""
    passage = hit.passage
    title = passage.document if speaks_to_us(passage.title) else passage.title
    return Source(
        f"document:{passage.id}",
        "document",
        title,
        f"{title}. {passage.text}",
        passage.location,
    )


def from_template(template: Template, spoken: Spoken) -> Draft:
    """An answer that was given before."""
    text = " ".join(one for one, _ in spoken.sentences)
    title = f"{template.intent}: answered {template.count} times"
    source = Source(f"dialogue:{template.intent}", "dialogue", title, text)
    sentences = [Sentence(one, (source.id,), "\n" if begins else _gap(one)) for one, begins in spoken.sentences]
    return Draft("answered" if sentences else "unknown", sentences, [source])


def together(drafts: Sequence[Draft], language: str) -> Draft:
    """Answers to the questions of one message, at least one of which is known, as one. A question without an answer is
    told by its number: its words are the customer's, and none that the shop says."""
    told = Draft("answered")
    said: set[str] = set()
    for number, one in enumerate(drafts, start=1):
        unknown = [Sentence(say(language, "unknown_part", number=str(number)))]
        sentences = unknown if one.outcome == "unknown" else one.sentences
        new = [sentence for sentence in sentences if sentence.text not in said]
        if any(sentence.sources for sentence in sentences) and not any(sentence.sources for sentence in new):
            continue  # all that it states was said
        said |= {sentence.text for sentence in new}
        told.sentences += [
            replace(sentence, lead="\n") if place == 0 else sentence for place, sentence in enumerate(new)
        ]
        told.sources += [source for source in one.sources if source not in told.sources]
        told.items = tuple(dict.fromkeys([*told.items, *one.items]))
        told.question, told.options = one.question or told.question, one.options or told.options
    return told


class UnsupportedError(Exception):
    """What was written does not stand in the sources."""


def checked(pieces: Iterable[str], draft: Draft) -> Iterator[Sentence]:
    """Sentences of what is being written, each as soon as it is complete and true to the draft's sources; talk waits
    for the first that states something. UnsupportedError for one that is not, or when nothing is stated at all."""
    talk: list[Sentence] | None = []
    for one, begins in sentences_as_they_come(pieces):
        lead = "\n" if begins else _gap(one)
        if _TALK.match(one) and not claims_of(one).numbers:
            sentence = Sentence(one, (), lead)
            if talk is not None:
                talk.append(sentence)
                continue
        else:
            sentence = Sentence(one, _supporting(one, draft.sources), lead)
        if talk is not None:
            yield from talk
            talk = None
        yield sentence
    if talk is not None:
        raise UnsupportedError


def _supporting(sentence: str, sources: Sequence[Source]) -> tuple[str, ...]:
    """Those that a sentence stands in. UnsupportedError when it stands in none."""
    if speaks_to_us(sentence) or not support_of(sentence, [source.text for source in sources]).supported:
        raise UnsupportedError
    alone = [source.id for source in sources if support_of(sentence, [source.text]).supported]
    return tuple(alone or [source.id for source in sources])


def written(text: str, draft: Draft) -> Draft | None:
    """The words of an endpoint in place of a draft's, when every sentence of them is supported by the draft's sources;
    None when one is not, or when nothing of what was found is left."""
    try:
        return replace(draft, sentences=list(checked([text], draft)))
    except UnsupportedError:
        return None


def groundedness(sentences: Sequence[Sentence], sources: Sequence[Source]) -> tuple[int, int]:
    """How many factual sentences there are, and how many of them their own sources support."""
    texts = {one.id: one.text for one in sources}
    factual = [one for one in sentences if one.sources]
    supported = sum(
        support_of(
            one.text.removeprefix("• "), [texts[name] for name in one.sources if name in texts], own_words=True
        ).supported
        for one in factual
    )
    return len(factual), supported


def _gap(sentence: str) -> str:
    """Chinese sentences follow one another without a space."""
    return "" if "\u3400" <= sentence[:1] <= "\u9fff" else " "
