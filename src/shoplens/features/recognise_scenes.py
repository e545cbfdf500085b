"""Photos as shoppers take them, made out of product pictures: what varies between photos, learnt without any.

A product picture is cut out of its ground and put on grounds of all colours: one piece in close-up, rows as on a
shelf, a heap as in a crate, beside other products, brighter, darker, lit from one side, tinted, blurred, grainy. What
differs among these is what a recogniser has to overlook.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

SIDE = 256  # pixels of a scene
CUT_SIDE = 256  # longest side of a cut-out that is kept
POSES = 6  # in which a thing lies in one scene
NEAR, FAR = 12.0, 42.0  # distance in RGB from the border's colour: ground up to the first, thing from the second


class Cut(NamedTuple):
    """A thing without its ground; masks say in grey how much of each pixel is the thing."""

    picture: Image.Image
    wide: Image.Image  # with the rim, which has taken on some of the ground's colour
    narrow: Image.Image  # without it


Piece = tuple[Image.Image, Image.Image]  # a pose of a thing, and its mask


def cut_out(picture: Image.Image) -> Cut:
    """The thing in a product picture; all of it when its ground is not of one colour."""
    picture = picture.convert("RGB")
    if max(picture.size) > CUT_SIDE:
        picture = ImageOps.contain(picture, (CUT_SIDE, CUT_SIDE))
    values = np.asarray(picture, np.float32)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    ground = np.median(border, 0)
    whole = Image.new("L", picture.size, 255)
    if np.median(np.abs(border - ground).max(1)) > FAR:
        return Cut(picture, whole, whole)
    away = np.sqrt(((values - ground) ** 2).sum(-1))
    mask = Image.fromarray((np.clip((away - NEAR) / (FAR - NEAR), 0, 1) * 255).astype(np.uint8))
    wide = mask.filter(ImageFilter.MaxFilter(5))  # closes holes where the thing shines
    narrow = wide.filter(ImageFilter.MinFilter(7))
    box = wide.point([0] * 64 + [255] * 192).getbbox()
    if box is None:
        return Cut(picture, whole, whole)
    soft = ImageFilter.GaussianBlur(1)
    return Cut(picture.crop(box), wide.filter(soft).crop(box), narrow.filter(soft).crop(box))


def scenes(cuts: Sequence[Cut], each: int, *, seed: int = 0) -> Iterator[Image.Image]:
    """`each` scenes of the first product, then of the second, …: len(cuts) × each RGB photos of SIDE pixels."""
    texture = _texture(np.random.default_rng(seed))
    for number in range(len(cuts)):
        for turn in range(each):
            yield _Scene(cuts, texture, np.random.default_rng((seed, number, turn))).of(number)


def _texture(random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Cloudy colours, rough and smooth as surfaces of shops are: noise whose strength falls with frequency.

    [2 SIDE, 2 SIDE, 3], standard deviation 1; grounds are cut from it.
    """
    side = 2 * SIDE
    waves = np.fft.rfft2(random.normal(size=(side, side, 3)), axes=(0, 1))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1 / side
    values = np.fft.irfft2(waves / frequency[..., None] ** 1.2, s=(side, side), axes=(0, 1))
    grey = values.mean(2, keepdims=True)
    mixed = 0.8 * grey + 0.4 * (values - grey)
    texture: npt.NDArray[np.float32] = (mixed / mixed.std()).astype(np.float32)
    return texture


class _Scene:
    """One scene in the making."""

    def __init__(self, cuts: Sequence[Cut], texture: npt.NDArray[np.float32], random: np.random.Generator) -> None:
        self.cuts = cuts
        self.random = random
        self.rim = random.random() < 0.5  # both kinds of error of cutting out occur, so that neither is relied on
        top, left = random.integers(0, SIDE, 2).tolist()
        colour = random.normal(95, 45) + random.normal(0, 20, 3) + np.array([8, 0, -8])  # lamps of shops are warm
        ground = texture[top : top + SIDE, left : left + SIDE] * random.uniform(15, 45) + colour
        self.photo = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))

    def of(self, number: int) -> Image.Image:
        """The finished photo."""
        random, cut = self.random, self.cuts[number]
        if random.random() < 0.6:  # neighbours, partly covered later
            size = random.uniform(60, 170)
            for other in random.integers(len(self.cuts), size=int(random.integers(2, 7))).tolist():
                piece = self._piece(self.cuts[other], size * random.uniform(0.8, 1.2))
                self._put(piece, *random.uniform(0, SIDE, 2).tolist())
        kind = random.random()
        if kind < 0.4:
            piece = self._piece(cut, random.uniform(150, 330), turned=True)
            self._put(piece, *(SIDE / 2 + random.normal(0, 20, 2)).tolist())
        elif kind < 0.75:
            self._shelf(cut)
        else:
            size = random.uniform(50, 130)
            pieces = [self._piece(cut, size * random.uniform(0.85, 1.15)) for _ in range(POSES)]
            for _ in range(int(4 * (SIDE / size) ** 2)):
                self._put(pieces[int(random.integers(POSES))], *random.uniform(0, SIDE, 2).tolist())
        return self._light()

    def _shelf(self, cut: Cut) -> None:
        random = self.random
        height = random.uniform(70, 190)
        pieces = [self._piece(cut, height * random.uniform(0.95, 1.05)) for _ in range(POSES)]
        step = max(height * cut.picture.width / max(cut.picture.size) * random.uniform(0.8, 1.1), 20.0)
        for y in np.arange(random.uniform(0, height), SIDE + height, height * random.uniform(0.95, 1.2)).tolist():
            for x in np.arange(random.uniform(-step, 0), SIDE + step, step).tolist():
                self._put(pieces[int(random.integers(POSES))], x + random.normal(0, 2), y)

    def _piece(self, cut: Cut, size: float, *, turned: bool = False) -> Piece:
        """One pose of the thing, its longer side `size` pixels."""
        random = self.random
        scale = size / max(cut.picture.size)
        shape = max(4, int(cut.picture.width * scale)), max(4, int(cut.picture.height * scale))
        mask = cut.wide if self.rim else cut.narrow
        piece, mask = cut.picture.resize(shape, reducing_gap=2.0), mask.resize(shape, reducing_gap=2.0)
        if random.random() < 0.5:
            piece, mask = ImageOps.mirror(piece), ImageOps.mirror(mask)
        if turned or random.random() < 0.5:
            angle = random.normal(0, 12)
            piece = piece.rotate(angle, expand=True, resample=Image.Resampling.BILINEAR)
            mask = mask.rotate(angle, expand=True, resample=Image.Resampling.BILINEAR)
        return piece, mask

    def _put(self, piece: Piece, x: float, y: float) -> None:
        """One piece, its middle at x, y."""
        self.photo.paste(piece[0], (int(x - piece[0].width / 2), int(y - piece[0].height / 2)), piece[1])

    def _light(self) -> Image.Image:
        random = self.random
        photo = ImageEnhance.Brightness(self.photo).enhance(random.uniform(0.6, 1.15))
        photo = ImageEnhance.Contrast(photo).enhance(random.uniform(0.7, 1.2))
        photo = ImageEnhance.Color(photo).enhance(random.uniform(0.7, 1.3))
        if random.random() < 0.5:
            photo = photo.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.6)))
        angle, steps = random.uniform(0, 2 * np.pi), np.linspace(-1, 1, SIDE, dtype=np.float32)
        slope = 1 + random.uniform(0, 0.35) * (np.cos(angle) * steps[None] + np.sin(angle) * steps[:, None])
        tint = random.normal(1, (0.05, 0.02, 0.08))
        values = np.asarray(photo, np.float32) * slope[..., None] * tint
        values += random.normal(0, random.uniform(0, 8), values.shape)
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
