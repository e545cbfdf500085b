"""Texts, photos, videos and sound that belong to no product: to vectors, to words, to shots.

What `shoplens embed --file` and POST /v1/embeddings do. Encoders are those in use, opened at their first use and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.encoders.base import Encoder, TextEncoder
from shoplens.encoders.centring import languages_of
from shoplens.encoders.colour import dominant_colours
from shoplens.encoders.media import Clip, Sound
from shoplens.errors import InputError
from shoplens.features.current import InUse, read_current
from shoplens.features.found_text import FoundText, joined
from shoplens.features.media_inputs import said_in_sound
from shoplens.features.modalities import language_means
from shoplens.features.photo_words import written_in_photo
from shoplens.features.shots import ShotEncoder
from shoplens.service.encoders import FOUND, encoder_in_use, modalities_on, recogniser_of, table_of
from shoplens.service.media_sources import MediaSources
from shoplens.service.shared_space import SharedSpace
from shoplens.service.workspace import Workspace

Vector = npt.NDArray[np.float32]  # [size], unit length
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of width and height, 0 to 1
PHOTOS_TOGETHER = 16  # decoded and in memory at once

#: Spaces that vectors can be given in: as the encoder makes them; texts less their language, as training reads them;
#: the one space of words and photos that training learnt, in which vectors are not of unit length.
SPACES = ("encoder", "shop", "shared")

#: Kind of a part → the modality that it is encoded as unless another is asked for.
MODALITY = {"text": "text", "image": "image", "video": "video", "audio": "audio"}

#: Kind of a part → all modalities that read it.
READ_AS = {
    "text": ("text",),
    "image": ("image", "colour", "ocr"),
    "video": ("video", "audio", "speech"),
    "audio": ("audio", "speech"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to be encoded."""

    kind: str  # text, image, video or audio
    content: str | Path  # the text, or the file
    name: str = ""  # for messages
    crop: Box | None = None  # of a photo: only what is inside is looked at


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch of a video between two cuts."""

    start: float  # seconds from the beginning
    end: float
    vector: Vector


@dataclass(slots=True)
class Seen:
    """What one part turned out to hold."""

    kind: str
    vectors: dict[str, Vector] = field(default_factory=dict)  # modality → vector
    encoders: dict[str, str] = field(default_factory=dict)  # modality → name of the encoder
    found: list[FoundText] = field(default_factory=list)  # written in a photo, said in sound or video
    shots: list[Shot] = field(default_factory=list)  # of a video
    colours: list[tuple[str, str, float]] = field(default_factory=list)  # of a photo: English, Chinese, share; if asked
    tokens: int = 0  # of a text, as far as its encoder tells


class LooseMedia:
    """Encodes parts by the encoders in use. Safe to share between threads; `sources` stay with who opened them."""

    def __init__(self, workspace: Workspace, sources: MediaSources, *, threads: int | None = None) -> None:
        self.workspace = workspace
        self._sources = sources
        self._threads = threads
        self._encoders: dict[str, tuple[InUse | None, Encoder]] = {}
        self._recognisers: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.shared = SharedSpace(workspace, self.encoder)

    def encoder(self, modality: str) -> Encoder:
        """The encoder in use; InputError when the modality is off."""
        chosen = read_current(self.workspace.features).get(modality)
        with self._lock:
            if modality not in self._encoders or self._encoders[modality][0] != chosen:  # `embed` may have switched
                if modality not in modalities_on(self.workspace):
                    raise InputError(f"{modality} is not encoded here: encoders.{modality} is off in the settings")
                encoder = encoder_in_use(self.workspace, modality, threads=self._threads)
                self._encoders[modality] = chosen, encoder
            return self._encoders[modality][1]

    def recogniser(self, modality: str) -> Any:
        """What finds the words of "ocr" or "speech"; InputError when that is off."""
        with self._lock:
            if modality not in self._recognisers:
                if modality not in modalities_on(self.workspace):
                    raise InputError(f"words are not found here: encoders.{modality} is off in the settings")
                self._recognisers[modality] = recogniser_of(self.workspace, modality, threads=self._threads)
            return self._recognisers[modality]

    def readers(self) -> tuple[str, ...]:
        """Modalities whose words can be found: those that are on."""
        return tuple(name for name in FOUND if name in modalities_on(self.workspace))

    def see(
        self,
        parts: Sequence[Part],
        modalities: Sequence[Collection[str]],
        *,
        query: bool = False,
        space: str = "encoder",
        colours: bool = False,
    ) -> list[Seen]:
        """Encode parts, each as its `modalities` (of READ_AS of its kind).

        `space`: one of SPACES. Words that are found in photos and sound stay in their encoder's own.
        `colours`: also name the colours of photos, whatever their `modalities`.
        `query`: texts are what shoppers type rather than what describes a product. InputError or UnsafeInputError with
        the name of the first part that cannot be used.
        """
        seen = [Seen(part.kind) for part in parts]
        if space == "shared":
            _ = self.shared.name  # whether there is one, before anything is encoded
            modalities = [self._shareable(part, wanted) for part, wanted in zip(parts, modalities, strict=True)]
        texts = [place for place, part in enumerate(parts) if part.kind == "text"]
        if texts:
            self._see_texts([str(parts[place].content) for place in texts], [seen[k] for k in texts], query, space)
        for start in range(0, len(parts), PHOTOS_TOGETHER):
            places = range(start, min(start + PHOTOS_TOGETHER, len(parts)))
            photos = [place for place in places if parts[place].kind == "image"]
            if photos:
                self._see_photos([(parts[place], modalities[place], seen[place]) for place in photos], colours)
        for part, wanted, one in zip(parts, modalities, seen, strict=True):
            if part.kind in ("video", "audio"):
                self._see_film(part, wanted, one)
        for one in seen:
            self._read_words(one)
        if space == "shared":
            self._share(parts, seen)
        return seen

    def photo(self, part: Part) -> Image.Image:
        """A photo, or what is inside its crop. InputError as in `see`."""
        return cropped(self._sources.photo(Path(part.content), part.name), part)

    def written(self, photo: Image.Image, name: str) -> str:
        """What is written in a photo, a line each; "" when nothing is. InputError when "ocr" is off."""
        return joined(written_in_photo(self.recogniser("ocr"), photo, name))

    def _shareable(self, part: Part, wanted: Collection[str]) -> Collection[str]:
        """What the shared space reads of a part."""
        if part.kind == "audio":
            raise InputError(f"{part.name}: sound has no place in the shared space of words and photos")
        seen_as = {"text": ("text",), "image": ("image", "colour"), "video": ("video",)}[part.kind]
        on = modalities_on(self.workspace)
        return {*(name for name in seen_as if name in on or name != "colour"), *(set(wanted) & set(FOUND))}

    def _share(self, parts: Sequence[Part], seen: Sequence[Seen]) -> None:
        """Put the vectors of texts, photos, videos and shots into the shared space."""
        name = self.shared.name
        texts = [place for place, part in enumerate(parts) if part.kind == "text"]
        if texts:
            vectors = self.shared.texts([str(parts[place].content) for place in texts])
            for place, vector in zip(texts, vectors, strict=True):
                seen[place].vectors["text"], seen[place].encoders["text"] = vector, name
        for one in seen:
            if one.kind == "image":
                colour = one.vectors.pop("colour", None)
                image = self.shared.photos(one.vectors["image"][None], None if colour is None else colour[None])
                one.vectors["image"], one.encoders["image"] = image[0], name
            elif one.kind == "video":
                frames = np.stack([one.vectors["video"], *(shot.vector for shot in one.shots)])
                shared = self.shared.photos(frames, None)
                one.vectors["video"], one.encoders["video"] = shared[0], name
                one.shots = [replace(shot, vector=vector) for shot, vector in zip(one.shots, shared[1:], strict=True)]

    def _see_texts(self, texts: Sequence[str], seen: Sequence[Seen], query: bool, space: str) -> None:
        encoder = self.encoder("text")
        encode = encoder.encode_queries if query and isinstance(encoder, TextEncoder) else encoder.encode
        vectors = encode(texts)
        if space == "shop":
            means = language_means(table_of(self.workspace, "text"))
            vectors = means.centre(vectors, languages_of(texts)) if means is not None else vectors
        count = getattr(encoder, "tokens", None)
        tokens = [len(ids) for ids in count(texts)] if count is not None else [0] * len(texts)
        for one, vector, many in zip(seen, vectors, tokens, strict=True):
            one.vectors["text"], one.encoders["text"], one.tokens = vector, encoder.name, many

    def _see_photos(self, wanted: Sequence[tuple[Part, Collection[str], Seen]], colours: bool) -> None:
        photos = [self.photo(part) for part, _, _ in wanted]
        for modality in ("image", "colour"):
            places = [place for place, (_, modalities, _) in enumerate(wanted) if modality in modalities]
            if not places:
                continue
            encoder = self.encoder(modality)
            for place, vector in zip(places, encoder.encode([photos[place] for place in places]), strict=True):
                wanted[place][2].vectors[modality] = vector
                wanted[place][2].encoders[modality] = encoder.name
        for photo, (part, modalities, one) in zip(photos, wanted, strict=True):
            if colours:
                one.colours = dominant_colours(photo)
            if "ocr" in modalities:
                one.found.extend(written_in_photo(self.recogniser("ocr"), photo, part.name))

    def _see_film(self, part: Part, wanted: Collection[str], one: Seen) -> None:
        """Frames and sound of a video, or a sound."""
        file, hears = Path(part.content), not {"audio", "speech"}.isdisjoint(wanted)
        sound: Sound | None = None
        if part.kind == "video":
            clip = self._sources.clip(file, part.name, sound=hears)
            sound = clip.sound
            if "video" in wanted:
                self._see_clip(clip, one)
        elif hears:
            sound = self._sources.sound(file, part.name)
        if sound is None or not len(sound):
            return
        if "audio" in wanted:
            encoder = self.encoder("audio")
            one.vectors["audio"], one.encoders["audio"] = encoder.encode([sound])[0], encoder.name
        if "speech" in wanted:
            one.found.extend(said_in_sound(self.recogniser("speech"), sound, part.name))

    def _see_clip(self, clip: Clip, one: Seen) -> None:
        encoder = self.encoder("video")
        one.encoders["video"] = encoder.name
        if isinstance(encoder, ShotEncoder):
            shots = encoder.encode_shots(clip)
            one.vectors["video"] = encoder.pooled(shots)
            one.shots = [
                Shot(float(first), float(last), vector)
                for (first, last), vector in zip(shots.bounds, shots.vectors, strict=True)
            ]
        else:
            one.vectors["video"] = encoder.encode([clip])[0]

    def _read_words(self, one: Seen) -> None:
        """A vector of the words that were found, as products have it."""
        text = joined(one.found)
        if text:
            modality, encoder = ("ocr" if one.kind == "image" else "speech"), self.encoder("text")
            one.vectors[modality], one.encoders[modality] = encoder.encode([text])[0], encoder.name


def parse_box(text: str) -> Box:
    """From "0.25,0,0.75,1"; InputError when that is no box."""
    try:
        left, top, right, bottom = (float(side) for side in text.split(","))
    except ValueError as error:
        raise InputError("crop: write left,top,right,bottom from 0 to 1, such as 0.25,0,0.75,1") from error
    return left, top, right, bottom


def cropped(photo: Image.Image, part: Part) -> Image.Image:
    """What is inside the part's crop box; InputError when that is nothing, or not in the photo."""
    if part.crop is None:
        return photo
    left, top, right, bottom = part.crop
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InputError(
            f"{part.name}: the crop {part.crop} is not left, top, right, bottom as shares of width and height, "
            "such as 0.25, 0, 0.75, 1"
        )
    width, height = photo.size
    x, y = min(int(left * width), width - 1), min(int(top * height), height - 1)
    return photo.crop((x, y, max(ceil(right * width), x + 1), max(ceil(bottom * height), y + 1)))
