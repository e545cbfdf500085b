"""Texts in which entities are to be found, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from shoplens.http.wire.classify import Texts
from shoplens.http.wire.fields import Request, Told
from shoplens.service.text_models import SavedTextModel

if TYPE_CHECKING:  # torch comes with it, and most shops have no tagger
    from shoplens.service.taggers import TaggedTexts


class EntitiesIn(Request):
    """One text or several, each read by itself."""

    text: Texts = Field(examples=["Nike Air Max 90, size 42", ["华为手机壳", "Adidas track suit"]])
    model: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None, description="Name of the tagger; not needed while there is only one.", examples=["brands"]
    )

    @property
    def texts(self) -> list[str]:
        """Always a list."""
        return [self.text] if isinstance(self.text, str) else list(self.text)


class EntityOut(BaseModel):
    """An entity, by the characters (Unicode code points) of its text."""

    start: int
    end: int = Field(description="The first character after it.")
    text: str
    kind: str
    score: float = Field(description="Probability of the label of its least certain word.")


class TextEntitiesOut(BaseModel):
    """What was found in one text, in the order in which it stands there."""

    entities: list[EntityOut]


class EntitiesAnswer(BaseModel):
    """Answers in the order of the texts."""

    model: str
    version: str
    results: list[TextEntitiesOut]

    @classmethod
    def of(cls, found: TaggedTexts) -> EntitiesAnswer:
        """From what the tagger found."""
        results = [
            TextEntitiesOut(
                entities=[
                    EntityOut(start=one.start, end=one.end, text=one.text, kind=one.kind, score=one.score)
                    for one in entities
                ]
            )
            for entities in found.entities
        ]
        return cls(model=found.model.name, version=found.model.version, results=results)


class TaggerOut(BaseModel):
    """A tagger that can be asked."""

    name: str
    version: str
    kinds: list[str] = Field(description="Kinds of entity that it finds.")
    validation_entity_f1: float | None = Field(description="F1 of whole entities in the sentences that chose it.")
    sentences: int | None = Field(description="Sentences it learnt from.")
    created: Told

    @classmethod
    def of(cls, saved: SavedTextModel) -> TaggerOut:
        """From its manifest."""
        from shoplens.service.taggers import described

        return cls(**described(saved))


class TaggersAnswer(BaseModel):
    """All of them, by name."""

    taggers: list[TaggerOut]
