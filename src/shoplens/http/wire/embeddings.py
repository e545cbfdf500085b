"""POST /v1/embeddings over the wire: OpenAI's shape, and what media add to it."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from shoplens.features.found_text import FoundText
from shoplens.http.wire.fields import TEXT_PATTERN, Request
from shoplens.service.loose_media import Seen, Vector

MOST_TEXTS = 2_048  # as OpenAI
Input = Annotated[str, StringConstraints(min_length=1, max_length=200_000, pattern=TEXT_PATTERN)]
Encoding = Literal["float", "base64"]


def _texts(value: Any) -> Any:
    """OpenAI also takes numbers of its own tokens, which mean nothing to another encoder."""
    if isinstance(value, list) and any(isinstance(one, int | list) for one in value):
        raise ValueError("numbers of tokens are not read here; send texts")
    return value


Inputs = Annotated[
    Annotated[Input, Tag("kind:text")]
    | Annotated[list[Input], Field(min_length=1, max_length=MOST_TEXTS), BeforeValidator(_texts), Tag("kind:list")],
    Discriminator(lambda value: "kind:list" if isinstance(value, list) else "kind:text"),
]
Space = Literal["encoder", "shop", "shared"]


class EmbeddingsIn(Request):
    """Texts to be encoded, as OpenAI's clients send them."""

    input: Inputs = Field(
        description="One text or a list of texts.", examples=["red kettle", ["red kettle", "红色水壶"]]
    )
    model: Annotated[str, Field(max_length=200)] = Field(
        default="text", description='"text", or the name of the configured text encoder.'
    )
    encoding_format: Encoding = Field(default="float", description="base64: little-endian float32.")
    input_type: Literal["document", "query"] = Field(
        default="document", description="document: read like products; query: like what shoppers type."
    )
    space: Space = Field(
        default="encoder",
        description="encoder: as the encoder makes them; shop: less the mean of the text's language in the catalogue, "
        "as this shop's training and search read them; shared: the one space of words and photos that training learnt, "
        "compared by dot product, not of unit length.",
    )
    dimensions: int | None = Field(default=None, ge=1, description="If given, it must be the encoder's own size.")
    user: Annotated[str, Field(max_length=1_000)] | None = Field(default=None, description="Not looked at.")


class FoundOut(BaseModel):
    """Words found in a photo, sound or video."""

    text: str
    language: str = Field(description="ISO 639-1, empty when it cannot be told.")
    confidence: float
    start: float | None = Field(default=None, description="Seconds from the beginning.")
    end: float | None = None

    @classmethod
    def of(cls, found: FoundText) -> FoundOut:
        """From the reader's own."""
        return cls(
            text=found.text, language=found.language, confidence=found.confidence, start=found.start, end=found.end
        )


class ColourOut(BaseModel):
    """A colour of the thing in a photo; the ground is left out."""

    en: str = Field(description="Its English name.", examples=["red"])
    zh: str = Field(description="Its Chinese name.", examples=["红色"])
    share: float = Field(description="Of the thing, 0 to 1.")


class ShotOut(BaseModel):
    """A stretch of a video between two cuts."""

    start: float = Field(description="Seconds from the beginning.")
    end: float
    embedding: list[float] | str


class EmbeddingOut(BaseModel):
    """One vector, of unit length but in the shared space."""

    object: Literal["embedding"] = "embedding"
    index: int = Field(description="Number of the text, or of the part of the form, from 0.")
    embedding: list[float] | str
    modality: str | None = Field(default=None, description="Of parts of forms.")
    model: str | None = Field(default=None, description="The encoder, of parts of forms.")
    found_text: list[FoundOut] | None = Field(default=None, description="Written in a photo, when `words` is true.")
    transcript: list[FoundOut] | None = Field(default=None, description="Said in sound or video, likewise.")
    shots: list[ShotOut] | None = Field(default=None, description="Of a video.")
    colours: list[ColourOut] | None = Field(default=None, description="Of a photo: at most four, largest first.")

    @classmethod
    def of(cls, index: int, seen: Seen, modality: str, encoding: Encoding, *, words: bool) -> EmbeddingOut:
        """From what a part turned out to hold."""
        found = [FoundOut.of(one) for one in seen.found] if words else None
        shots = [
            ShotOut(start=shot.start, end=shot.end, embedding=encoded(shot.vector, encoding)) for shot in seen.shots
        ]
        colours = [ColourOut(en=english, zh=chinese, share=share) for english, chinese, share in seen.colours]
        return cls(
            index=index,
            embedding=encoded(seen.vectors[modality], encoding),
            modality=modality,
            model=seen.encoders[modality],
            found_text=found if seen.kind == "image" else None,
            transcript=found if seen.kind in ("audio", "video") else None,
            shots=shots if seen.kind == "video" else None,
            colours=colours if seen.kind == "image" else None,
        )


class Usage(BaseModel):
    """Tokens read, as far as the encoder counts them; 0 otherwise."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(BaseModel):
    """Vectors in the order of what was sent."""

    object: Literal["list"] = "list"
    data: list[EmbeddingOut]
    model: str
    usage: Usage


def encoded(vector: Vector, encoding: Encoding) -> list[float] | str:
    """Numbers, or base64 of little-endian float32."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers
