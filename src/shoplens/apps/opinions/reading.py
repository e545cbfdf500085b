"""One post after the other: language, tone, topic, aspects, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shoplens.apps.opinions.aspects import Aspects
from shoplens.apps.opinions.codes import Codes
from shoplens.apps.opinions.names import Names
from shoplens.apps.opinions.tone import TONES, ReadsTone
from shoplens.apps.opinions.topics import ReadsTopic
from shoplens.domain.opinions import LONGEST, Named, Post, Reading, Tone
from shoplens.encoders.centring import LANGUAGES, language_of

NEGATIVE = TONES.index(Tone.NEGATIVE)

#: Names that a trained tagger finds in texts; see `service.opinion_readers`.
Tags = Callable[[Sequence[str]], list[tuple[Named, ...]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads posts, many at a time: networks are fast in batches only."""

    tone: ReadsTone
    topic: ReadsTopic
    aspects: Aspects
    names: Names
    tags: Tags | None = None
    codes: Codes = field(default_factory=Codes)

    def read(self, posts: Sequence[Post]) -> list[Reading]:
        """What was found in each post."""
        texts = [post.text[:LONGEST] for post in posts]
        tones = self.tone.tones(texts)
        topics = self.topic.topics(texts)
        tagged = self.tags(texts) if self.tags is not None else [()] * len(texts)
        readings = []
        for post, text, row, (topic, sure), more in zip(posts, texts, tones.tolist(), topics, tagged, strict=True):
            coded = self.codes.find(f"{text} {post.link or ''}")
            names = tuple(dict.fromkeys([*(Named("product", one) for one in coded), *self.names.find(text)]))
            known = {one.name.casefold() for one in names}
            readings.append(
                Reading(
                    language=LANGUAGES[language_of(text)],
                    tones=dict(zip(TONES, row, strict=True)),
                    topic=topic,
                    topic_sure=sure,
                    aspects=self.aspects.find(text, row[NEGATIVE]),
                    entities=(*names, *(one for one in more if one.name.casefold() not in known)),
                )
            )
        return readings

    def how(self) -> dict[str, str]:
        """How tone and topic are read: what people are told beside figures."""
        return {"tone": self.tone.how, "topic": self.topic.how}
