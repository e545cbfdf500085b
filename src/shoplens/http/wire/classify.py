"""Texts to be put into classes, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Discriminator, Field, StringConstraints, Tag

from shoplens.http.wire.fields import TEXT_PATTERN, Request, Told
from shoplens.service.text_models import SavedTextModel

if TYPE_CHECKING:  # torch comes with it, and most shops have no classifier
    from shoplens.service.classifiers import Classified

MOST_TEXTS = 512
Text = Annotated[str, StringConstraints(max_length=200_000, pattern=TEXT_PATTERN)]
Texts = Annotated[
    Annotated[Text, Tag("kind:text")]
    | Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS), Tag("kind:list")],
    Discriminator(lambda value: "kind:list" if isinstance(value, list) else "kind:text"),
]


class ClassifyIn(Request):
    """One text or several; the first 20,000 characters of each are read."""

    text: Texts = Field(examples=["很好用，下次还买", ["where is my parcel?", "it broke on the second day"]])
    model: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None, description="Name of the classifier; not needed while there is only one.", examples=["tone"]
    )
    top: int = Field(default=3, ge=1, le=2_000, description="Classes to tell of each text, the likeliest first.")

    @property
    def texts(self) -> list[str]:
        """Always a list."""
        return [self.text] if isinstance(self.text, str) else list(self.text)


class ClassOut(BaseModel):
    """A class and how likely it is."""

    label: str
    probability: float = Field(description="Calibrated on examples that were not learnt from.")


class TextClassOut(BaseModel):
    """What one text is."""

    label: str = Field(description="The likeliest class.")
    probability: float
    classes: list[ClassOut]


class ClassifyAnswer(BaseModel):
    """Answers in the order of the texts."""

    model: str
    version: str
    results: list[TextClassOut]

    @classmethod
    def of(cls, said: Classified, top: int) -> ClassifyAnswer:
        """From what the classifier said."""
        results = []
        for row in range(len(said.chances)):
            ranked = [ClassOut(label=label, probability=round(chance, 6)) for label, chance in said.ranked(row, top)]
            results.append(TextClassOut(label=ranked[0].label, probability=ranked[0].probability, classes=ranked))
        return cls(model=said.model.name, version=said.model.version, results=results)


class ClassifierOut(BaseModel):
    """A classifier that can be asked."""

    name: str
    version: str
    classes: list[str]
    created: Told
    validation: dict[str, Any] | None = Field(description="Its figures on examples that it did not learn from.")

    @classmethod
    def of(cls, saved: SavedTextModel) -> ClassifierOut:
        """From its manifest."""
        return cls(
            name=saved.name,
            version=saved.version,
            classes=list(saved.labels),
            created=saved.created,
            validation=saved.metrics.get(str(saved.details.get("path"))),
        )


class ClassifiersAnswer(BaseModel):
    """All of them, by name."""

    classifiers: list[ClassifierOut]
