"""What a photo is recognised by: several encoders' vectors of several cuts of it, and of its mirror image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from shoplens.encoders.base import Encoder, Vectors
from shoplens.encoders.blocks import blocks_of

Floats = npt.NDArray[np.float32]

SHARES = (0.92, 0.57)  # of the shorter side: nearly all of the photo; its middle, where shoppers hold what they mean
#: How much a number of a block counts, once all vary alike. Other blocks of photo encoders count 1.
WEIGHTS = {"layers": 0.8, "spread": 0.8, "colour": 0.8}
PHOTOS_AT_ONCE = 32  # decoded photos in memory

#: Photos, or rows that `PhotoReader.read` made of them before.
Photos = Iterable[Image.Image] | Floats
Progress = Callable[[int], None]  # photos read so far


class PhotoReader:
    """Reads photos with one or more encoders, the first of which knows most.

    A row is made of all blocks of all encoders, side by side. `weights` [size] says how much each number counts.
    """

    def __init__(self, encoders: Sequence[Encoder], *, shares: Sequence[float] = SHARES) -> None:
        self.encoders = tuple(encoders)
        self.shares = tuple(shares)
        self.size = sum(encoder.size for encoder in encoders)
        weights = [np.ones(encoder.size, np.float32) for encoder in encoders]
        for encoder, own in zip(encoders, weights, strict=True):
            if encoder.modality == "colour":
                own[:] = WEIGHTS["colour"]
                continue
            for name, block in blocks_of(encoder).items():
                own[block] = WEIGHTS.get(name, 1.0)
        self.weights: Floats = np.concatenate(weights)

    @property
    def signature(self) -> str:
        """Changes whenever the same photo would be read as other numbers."""
        encoders = "+".join(f"{encoder.name}@{encoder.version}" for encoder in self.encoders)
        return f"{encoders}/{','.join(f'{share:g}' for share in self.shares)}"

    def read(
        self,
        photos: Photos,
        *,
        shares: Sequence[float] | None = None,
        mirrored: bool = True,
        progress: Progress | None = None,
    ) -> Floats:
        """Rows of RGB photos, one for each cut. float32 [len(shares), photos, size].

        `mirrored` averages each photo encoder's vector with that of the mirror image: twice the time, a steadier row.
        """
        if isinstance(photos, np.ndarray):
            return photos
        shares = self.shares if shares is None else tuple(shares)
        read: list[Floats] = []
        done = 0
        for some in _batches(photos):
            read.append(np.stack([self._row([middle(one, share) for one in some], mirrored) for share in shares]))
            done += len(some)
            if progress is not None:
                progress(done)
        return np.concatenate(read, axis=1) if read else np.empty((len(shares), 0, self.size), np.float32)

    def _row(self, photos: Sequence[Image.Image], mirrored: bool) -> Vectors:
        parts = []
        for encoder in self.encoders:
            vectors = encoder.encode(photos)
            if mirrored and encoder.modality == "image":
                vectors = (vectors + encoder.encode([ImageOps.mirror(photo) for photo in photos])) * np.float32(0.5)
            parts.append(vectors)
        return np.concatenate(parts, axis=1)


def middle(photo: Image.Image, share: float) -> Image.Image:
    """The square in the middle, `share` of the shorter side; the whole photo, of any shape, when `share` is 1."""
    if share >= 1:
        return photo
    side = max(1, round(min(photo.size) * share))
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return photo.crop((left, top, left + side, top + side))


def _batches(photos: Iterable[Image.Image]) -> Iterator[list[Image.Image]]:
    source = iter(photos)
    while some := list(islice(source, PHOTOS_AT_ONCE)):
        yield some
