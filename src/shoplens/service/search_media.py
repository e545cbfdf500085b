"""Photos, videos and sound that somebody searches with: to vectors that products are near to, and to words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shoplens.apps.interaction.turns import Box, Heard, SeenVideo, Shot, Source
from shoplens.apps.interaction.turns import Seen as SeenPhoto
from shoplens.errors import InputError, MissingExtraError
from shoplens.features.found_text import joined
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.asked import Given
from shoplens.service.encoders import modalities_on
from shoplens.service.loose_media import LooseMedia, Part, Seen
from shoplens.service.search_photos import joined_photos
from shoplens.service.search_vectors import SearchVectors

Floats = npt.NDArray[np.float32]
SURE = 0.5  # probability from which on a photo is said to show a value
LIKE = ("image", "meaning", "audio", "video")  # signals by which products are like one another


class SearchMedia:
    """What `apps.interaction` and `POST /v1/search` read media with. Safe to share between threads."""

    def __init__(self, media: LooseMedia, vectors: SearchVectors, facts: CatalogueFacts) -> None:
        self._media = media
        self._vectors = vectors
        self._facts = facts

    def read(self, parts: Sequence[Part]) -> tuple[tuple[Given, ...], str]:
        """Files of one question as vectors to be near to, and what is said in them.

        InputError for a file that cannot be used, MissingExtraError when sound needs a part that is not installed.
        """
        given: list[Given] = []
        said: list[str] = []
        for part in parts:
            if part.kind == "image":
                given += self._photo(part).given
            elif part.kind == "video":
                seen = self._film(part)
                given += self._whole(seen)
                said.append(joined(seen.found))
            else:
                heard = self._heard(part)
                given += heard.given
                said.append(heard.speech)
        return tuple(given), " ".join(line for line in said if line)

    def photo(self, source: Source, crop: Box | None) -> SeenPhoto:
        """See `apps.interaction.turns.MediaReader`."""
        return self._photo(Part("image", Path(source), Path(source).name, crop))

    def video(self, source: Source) -> SeenVideo:
        """See `MediaReader`."""
        seen = self._film(Part("video", Path(source), Path(source).name))
        shots = tuple(Shot(one.start, one.end, (self._frame(one.vector),)) for one in seen.shots)
        return SeenVideo(shots, joined(seen.found))

    def sound(self, source: Source) -> Heard:
        """See `MediaReader`."""
        return self._heard(Part("audio", Path(source), Path(source).name))

    def like(self, item_id: str) -> SeenPhoto | None:
        """What a product of the shop is to retrieval (`apps.interaction.turns.Likeness`); None when nothing is held."""
        rows = self._facts.rows([item_id])
        if not rows[0]:
            return None
        given, shown = [], None
        for signal in self._vectors.signals:
            vector = signal.vector(int(rows[0]))
            if vector is None:
                continue
            if signal.name in LIKE:
                given.append(Given(signal.name, vector))
            elif signal.name == "looks":
                shown = vector
        return SeenPhoto(tuple(given), shown=shown) if given or shown is not None else None

    def _photo(self, part: Part) -> SeenPhoto:
        wanted = {name for name in ("image", "colour") if name in modalities_on(self._media.workspace)}
        (seen,) = self._media.see([part], [wanted | {"image"}])
        image, colour = seen.vectors["image"], seen.vectors.get("colour") if self._colours() else None
        joined_vector = joined_photos(image[None], None if colour is None else colour[None])[0]
        try:
            space = self._media.shared.alignment()
        except InputError:
            return SeenPhoto((Given("image", joined_vector),))
        from shoplens.features.align.alignment import Photos

        photos = Photos(image[None], None if colour is None else colour[None])
        shown = space.attributes(photos)[0]
        values = {
            facet.name: facet.values[int(shown[part_of].argmax())]
            for facet, part_of in zip(space.facets, space.parts, strict=True)
            if float(shown[part_of].max()) > SURE
        }
        return SeenPhoto((Given("image", joined_vector),), attributes=values, shown=space.photo_vectors(photos)[0])

    def _film(self, part: Part) -> Seen:
        """Frames of a video, and what is said in it where speech can be read here."""
        on = modalities_on(self._media.workspace)
        try:
            return self._media.see([part], [{"video", *({"speech"} & set(on))}])[0]
        except MissingExtraError:
            return self._media.see([part], [{"video"}])[0]

    def _heard(self, part: Part) -> Heard:
        on = {"audio", "speech"} & set(modalities_on(self._media.workspace))
        if not on:
            raise InputError(f"{part.name}: sound is not read here: encoders.audio and encoders.speech are off")
        (seen,) = self._media.see([part], [on])
        given = tuple(Given("audio", vector) for name, vector in seen.vectors.items() if name == "audio")
        language = next((one.language for one in seen.found if one.language), "")
        return Heard(given, joined(seen.found), language)

    def _whole(self, seen: Seen) -> list[Given]:
        """A video as one thing to be near to: its shots among photos, itself among videos."""
        given = [self._frame(shot.vector, 1 / len(seen.shots)) for shot in seen.shots]
        if "video" in seen.vectors:
            given.append(Given("video", seen.vectors["video"]))
        return given

    def _frame(self, vector: Floats, weight: float = 1.0) -> Given:
        """A frame among photos; it has no colours of its own there."""
        colours = self._colours()
        alone = joined_photos(vector[None], np.zeros((1, colours), np.float32) if colours else None)[0]
        return Given("image", alone, weight)

    def _colours(self) -> int:
        """Numbers of a colour signature in the signal of photos; 0 = without."""
        signal = next((one for one in self._vectors.signals if one.name == "image"), None)
        return 0 if signal is None else signal.size - self._media.encoder("image").size
