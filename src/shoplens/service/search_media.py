"""Photos, videos and sound that somebody searches with: to vectors that products are near to, and to words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.apps.interaction.turns import Box, Heard, SeenVideo, Shot, Source
from shoplens.apps.interaction.turns import Seen as SeenPhoto
from shoplens.errors import InputError, MissingExtraError
from shoplens.features.found_text import joined
from shoplens.learning.recognising import RECOGNISED
from shoplens.recommend.asking import MAX_GIVEN
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.asked import Given
from shoplens.service.asked_media import AskedMedia
from shoplens.service.encoders import modalities_on
from shoplens.service.loose_media import LooseMedia, Part, Seen
from shoplens.service.query_writing import MOST, QueryWriting
from shoplens.service.search_photos import joined_photos
from shoplens.service.search_vectors import SearchVectors

Floats = npt.NDArray[np.float32]
SURE = 0.5  # probability from which on a photo is said to show a value
LIKE = ("image", "meaning", "audio", "video")  # signals by which products are like one another


class SearchMedia:
    """What `apps.interaction` and `POST /v1/search` read media with. Safe to share between threads.

    `ready` is called before anything is read: it brings the vectors of products, which say what a photo is asked with.
    """

    def __init__(
        self, media: LooseMedia, vectors: SearchVectors, facts: CatalogueFacts, ready: Callable[[], None] | None = None
    ) -> None:
        self._media = media
        self._vectors = vectors
        self._facts = facts
        self._writing = QueryWriting(media)
        self._ready = ready if ready is not None else lambda: None

    def read(self, parts: Sequence[Part]) -> AskedMedia:
        """Files of one question as vectors to be near to, what is said in them, and what is written in photos.

        InputError for a file that cannot be used, MissingExtraError when sound needs a part that is not installed.
        """
        self._ready()
        given: list[Given] = []
        said: list[str] = []
        written: list[str] = []
        shown: list[Floats] = []
        films = sum(part.kind == "video" for part in parts)
        shots = max(0, MAX_GIVEN - len(parts)) // max(films, 1)  # beside one vector of each file
        for part in parts:
            if part.kind == "image":
                photo = self._photo(part)
                given += photo.given
                written.append(photo.words)
                shown += [] if photo.shown is None else [photo.shown]
            elif part.kind == "video":
                seen = self._film(part)
                given += self._whole(seen, shots)
                said.append(joined(seen.found))
            else:
                heard = self._heard(part)
                given += heard.given
                said.append(heard.speech)
        if len(given) > MAX_GIVEN:  # of very many photos what they look like has to do
            given = [one for one in given if one.signal != RECOGNISED]
        words = " ".join(dict.fromkeys(line for line in written if line))[:MOST].strip()
        return AskedMedia(tuple(given), " ".join(line for line in said if line), words, tuple(shown))

    def photo(self, source: Source, crop: Box | None) -> SeenPhoto:
        """See `apps.interaction.turns.MediaReader`."""
        self._ready()
        return self._photo(Part("image", Path(source), Path(source).name, crop))

    def video(self, source: Source) -> SeenVideo:
        """See `MediaReader`."""
        self._ready()
        seen = self._film(Part("video", Path(source), Path(source).name))
        shots = tuple(Shot(one.start, one.end, (self._frame(one.vector),)) for one in seen.shots)
        return SeenVideo(shots, joined(seen.found))

    def sound(self, source: Source) -> Heard:
        """See `MediaReader`."""
        self._ready()
        return self._heard(Part("audio", Path(source), Path(source).name))

    def like(self, item_id: str) -> SeenPhoto | None:
        """What a product of the shop is to retrieval (`apps.interaction.turns.Likeness`); None when nothing is held."""
        self._ready()
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

    def close(self) -> None:
        """Read no more."""
        self._writing.close()

    def _photo(self, part: Part) -> SeenPhoto:
        """What a photo looks like, and what is written in it."""
        photo = self._media.photo(part)
        writing = self._writing.begin(photo, part.name)
        return replace(self._looks(photo), words=writing())

    def _looks(self, photo: Image.Image) -> SeenPhoto:
        image = self._media.encoder("image").encode([photo])[0]
        colour = self._media.encoder("colour").encode([photo])[0] if self._colours() else None
        joined_vector = joined_photos(image[None], None if colour is None else colour[None])[0]
        given = (Given("image", joined_vector), *self._vectors.recogniser.asked(photo))
        try:
            space = self._media.shared.alignment()
        except InputError:
            return SeenPhoto(given)
        from shoplens.features.align.alignment import Photos

        photos = Photos(image[None], None if colour is None else colour[None])
        shown = space.attributes(photos)[0]
        values = {
            facet.name: facet.values[int(shown[part_of].argmax())]
            for facet, part_of in zip(space.facets, space.parts, strict=True)
            if float(shown[part_of].max()) > SURE
        }
        return SeenPhoto(given, attributes=values, shown=space.photo_vectors(photos)[0])

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

    def _whole(self, seen: Seen, most: int) -> list[Given]:
        """A video as one thing to be near to: its shots among photos, itself among videos.

        Of more than `most` shots neighbours are put together. Vectors of one signal are added up, so what is asked
        stays what it was.
        """
        count = len(seen.shots)
        groups = np.array_split(np.arange(count), min(most, count)) if most and count else []
        vectors = [shot.vector for shot in seen.shots]
        given = [self._frame(np.mean([vectors[at] for at in group], axis=0), len(group) / count) for group in groups]
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
        if signal is None:  # not read yet: what it will be
            return self._vectors.colours()
        return signal.size - self._media.encoder("image").size
