"""What reads posts in this workspace: models that the shop trained, else vectors and examples, else words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from shoplens.apps.opinions.aspects import Aspects
from shoplens.apps.opinions.codes import Codes, Identity
from shoplens.apps.opinions.names import MOST, Names
from shoplens.apps.opinions.reading import Reader, Tags
from shoplens.apps.opinions.tone import ReadsTone, ToneByExamples, ToneByModel, ToneByWords
from shoplens.apps.opinions.topic_names import TOPICS
from shoplens.apps.opinions.topics import ReadsTopic, TopicByModel, TopicByName, TopicByWords
from shoplens.apps.opinions.vectors import Vectors
from shoplens.domain.opinions import Named
from shoplens.encoders.base import TextEncoder
from shoplens.errors import ConfigurationError, NotFoundError
from shoplens.models.classifier.saved import load_classifier
from shoplens.service.encoders import OFF, encoder_of, setting_of
from shoplens.service.text_models import TAGGER, TextModels
from shoplens.service.workspace import Workspace

TONE_MODEL, TOPIC_MODEL = "opinions-tone", "opinions-topic"  # names among the workspace's models of texts
SURE_NAME = 0.6  # probability from which on what a tagger found is a name
#: What taggers call kinds of names (CoNLL-2003) → what opinions do.
KIND_NAMES = {"per": "person", "org": "company", "loc": "place"}
UNLEARNT = "hashed-ngrams"  # vectors of spelling, not of meaning: nothing can be read without examples from them

Catalogue = Iterable[tuple[str, str, str | None]]  # item_id, title, brand


def vectors_of(workspace: Workspace, *, encoder: TextEncoder | None = None) -> Vectors | None:
    """The texts' encoder of the settings (or another one); None where it is off or vectors are not wanted."""
    if encoder is None:
        if not workspace.settings.opinions.vectors or setting_of(workspace, "text") == OFF:
            return None
        encoder = cast(TextEncoder, encoder_of(workspace, "text"))
    return Vectors(encoder)


def reader_of(
    workspace: Workspace, catalogue: Catalogue = (), *, vectors: Vectors | None, identities: Iterable[Identity] = ()
) -> Reader:
    """Everything that is read out of a post, as well as this workspace can."""
    settings = workspace.settings.opinions
    aspects = Aspects(settings.aspects)
    meaning = vectors if vectors is not None and vectors.name != UNLEARNT else None
    return Reader(
        tone=_tone(workspace, vectors, meaning),
        topic=_topic(workspace, vectors, meaning, aspects),
        aspects=aspects,
        names=Names.of(catalogue, settings.names),
        tags=_tags(workspace, settings.tagger) if settings.tagger else None,
        codes=Codes(identities),
    )


def check_tagger(workspace: Workspace) -> None:
    """ConfigurationError when the settings name a tagger that there is not."""
    wanted, there = workspace.settings.opinions.tagger, TextModels.of(workspace.root).names(TAGGER)
    if wanted and wanted not in there:
        known = ", ".join(there) or "none"
        raise ConfigurationError(
            f"opinions.tagger is {wanted!r}, but no such model finds entities; there are: {known}. "
            f"Train it: shoplens entities train FILE --name {wanted}"
        )


def model_stamps(workspace: Workspace) -> tuple[str, ...]:
    """Changes when a model was trained."""
    models = TextModels.of(workspace.root)
    stamps = []
    tagger = workspace.settings.opinions.tagger
    for name in (TONE_MODEL, TOPIC_MODEL, *([tagger] if tagger else ())):
        try:
            stamps.append(models.stamp(name))
        except NotFoundError:
            stamps.append("")
    return tuple(stamps)


def _tone(workspace: Workspace, vectors: Vectors | None, meaning: Vectors | None) -> ReadsTone:
    models = TextModels.of(workspace.root)
    if TONE_MODEL in models.names():
        return ToneByModel(load_classifier(models.open(TONE_MODEL).folder, encoder=vectors))
    return ToneByExamples(meaning) if meaning is not None else ToneByWords()


def _topic(workspace: Workspace, vectors: Vectors | None, meaning: Vectors | None, aspects: Aspects) -> ReadsTopic:
    models = TextModels.of(workspace.root)
    if TOPIC_MODEL in models.names():
        return TopicByModel(load_classifier(models.open(TOPIC_MODEL).folder, encoder=vectors))
    if meaning is None:
        return TopicByWords(aspects)
    named = workspace.settings.opinions.topics
    return TopicByName(meaning, named or TOPICS)


def _tags(workspace: Workspace, tagger: str) -> Tags:
    """Names that a trained tagger finds. ConfigurationError when there is no tagger of that name."""
    check_tagger(workspace)
    from shoplens.service.taggers import Taggers  # torch comes with it

    taggers = Taggers(workspace)

    def tags(texts: Sequence[str]) -> list[tuple[Named, ...]]:
        return [
            tuple(
                dict.fromkeys(
                    Named(KIND_NAMES.get(one.kind.casefold(), one.kind.casefold()), " ".join(one.text.split()))
                    for one in found
                    if one.score >= SURE_NAME
                )
            )[:MOST]
            for found in taggers.tag(texts, tagger).entities
        ]

    return tags
