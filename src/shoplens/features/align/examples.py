"""What there is to learn from: products as photos and words, and the phrases made of their attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.errors import InputError
from shoplens.features.align.alignment import TEXT_SCALE, Photos, parts_of
from shoplens.features.align.captions import Phrases
from shoplens.features.align.contrastive import Pairs
from shoplens.features.align.facets import Codes, Described, Facet, choose_facets, codes_of
from shoplens.features.align.glosses import glossary
from shoplens.features.align.lexicon import Lexicon
from shoplens.features.align.networks import Floats
from shoplens.features.align.reading import Reader
from shoplens.features.align.title_words import TitleWords, title_words

ENGLISH, CHINESE = 3, 2  # phrases that are made of a product, at most
MOST_PHRASES = 40_000  # for the whole catalogue: they repeat themselves long before
MOST_PRODUCTS = 20_000  # worth learning from: more take longer and teach little
TITLE_GROUPS = (4, 64)  # least and most groups of like titles, where a catalogue has no facets at all
CHINESE_CODE = LANGUAGES.index("zh")
READ_AT_ONCE = 512  # texts between two words about progress

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Products to learn from, row by row."""

    photos: Photos  # rows of zeros where a product has no photo
    has_photo: npt.NDArray[np.bool_]  # [products]
    titles: Sequence[str]  # "" where there is none
    values: Sequence[Described]  # what `facets.described` says

    @property
    def pairs(self) -> int:
        """Products with a photo and any words."""
        worded = [bool(title or values) for title, values in zip(self.titles, self.values, strict=True)]
        return int((np.asarray(worded, bool) & self.has_photo).sum())

    def titled(self, rows: npt.NDArray[np.bool_]) -> list[str]:
        """Titles of these products [products]."""
        return [title for title, chosen in zip(self.titles, rows, strict=True) if chosen]


@dataclass(frozen=True, slots=True)
class Material:
    """Lessons with facets, phrases and the vectors of all texts."""

    lessons: Lessons
    facets: tuple[Facet, ...]
    parts: list[slice]
    codes: Codes  # [products, facets]
    phrases: Phrases
    inputs: Floats  # [products, …] of the photo network
    title_words: TitleWords  # [products, words]: what photos are learnt to go with, beside their facets
    colour_size: int
    reader: Reader
    texts: list[str]  # titles and phrases
    products: Codes  # [texts]: whose
    asks: Codes  # [texts, facets]: what a phrase asks for, -1 = any; a title asks for nothing
    vectors: Floats  # [texts, encoder] as the reader reads them
    plain: Floats  # [texts, encoder] as it reads them without the lexicon; zeros where that is the same

    @classmethod
    def gather(
        cls, lessons: Lessons, lexicon: Lexicon, reader: Reader, random: np.random.Generator, tell: Progress
    ) -> Material:
        """Choose facets, make phrases, read everything (`reader` learns its language means from it)."""
        facets, codes = _facets(lessons, reader)
        phrases = Phrases(facets, lexicon)
        texts, products, asks = _make_texts(lessons, codes, phrases, random)
        everything = sorted({line for text in set(texts) for line in (text, *reader.english(text))})
        for begin in range(0, len(everything), READ_AT_ONCE):
            reader.raw(everything[begin : begin + READ_AT_ONCE])
            tell("read titles and phrases", min(begin + READ_AT_ONCE, len(everything)), len(everything))
        reader.learn_means(texts)
        vectors = reader.read(texts)
        plain = np.zeros_like(vectors)
        chinese = [row for row, text in enumerate(texts) if language_of(text) == CHINESE_CODE]
        if chinese and reader.glossary is not None:
            other = reader.through(glossary(with_lexicon=False))
            plain[chinese] = other.read([texts[row] for row in chinese])
        colour = lessons.photos.colour
        colour_size = 0 if colour is None else colour.shape[1]
        return cls(
            lessons, facets, parts_of(facets), codes, phrases, lessons.photos.joined(colour_size),
            title_words(lessons.titles), colour_size, reader, texts, products, asks, vectors, plain,
        )  # fmt: skip

    def spoken(self, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Codes]:
        """Texts of these products [products] as inputs of the text network, and whose each is."""
        chosen = np.flatnonzero(rows[self.products])
        other = chosen[self.plain[chosen].any(1)]
        vectors = np.concatenate([self.vectors[chosen], self.plain[other]]) * np.float32(TEXT_SCALE)
        return vectors, self.products[np.concatenate([chosen, other])]

    def pairs(self, rows: npt.NDArray[np.bool_], activations: Floats) -> Pairs:
        """Texts and photos of these products; `activations`: what the photo network makes of their photos, in order."""
        place = np.cumsum(rows) - 1
        chosen = np.flatnonzero(rows[self.products])
        _, keys = np.unique(np.asarray([self.texts[row] for row in chosen]), return_inverse=True)
        return Pairs(
            self.vectors[chosen], activations, place[self.products[chosen]], np.asarray(keys, np.int64),
            self.asks[chosen], self.codes[rows],
        )  # fmt: skip


def _facets(lessons: Lessons, reader: Reader) -> tuple[tuple[Facet, ...], Codes]:
    """The catalogue's facets; where it has none, groups of titles that are alike."""
    facets = choose_facets([values for values, has in zip(lessons.values, lessons.has_photo, strict=True) if has])
    if facets:
        return facets, codes_of(lessons.values, facets)
    from sklearn.cluster import KMeans

    titled = [row for row, title in enumerate(lessons.titles) if title]
    if not titled:
        raise InputError("no product has a title or an attribute that others share: there are no words to learn")
    groups = int(np.clip(len(titled) // 40, *TITLE_GROUPS))
    found = KMeans(groups, n_init=3, random_state=0).fit_predict(reader.raw([lessons.titles[row] for row in titled]))
    names = tuple(f"group {place}" for place in range(groups))
    codes = np.full((len(lessons.titles), 1), -1, np.int64)
    codes[titled, 0] = found
    counts = np.bincount(found, minlength=groups)
    return (Facet("like titles", names, tuple(map(int, np.maximum(counts, 1)))),), codes


def _make_texts(
    lessons: Lessons, codes: Codes, phrases: Phrases, random: np.random.Generator
) -> tuple[list[str], Codes, Codes]:
    """Titles and phrases, whose they are, and what they ask for."""
    share = min(1.0, MOST_PHRASES / max(len(lessons.titles) * (ENGLISH + CHINESE), 1))
    texts: list[str] = []
    products: list[int] = []
    asks: list[Codes] = []
    nothing = np.full(codes.shape[1], -1, np.int64)
    sayable = phrases.facets[0].name != "like titles"
    for row, title in enumerate(lessons.titles):
        if title:
            texts.append(title)
            products.append(row)
            asks.append(nothing)
        for language in ["en"] * ENGLISH + ["zh"] * CHINESE if sayable else []:
            caption = phrases.caption(codes[row], language, random) if random.random() < share else None
            if caption is not None:
                texts.append(caption.text)
                products.append(row)
                wanted = nothing.copy()
                wanted[list(caption.facets)] = codes[row, list(caption.facets)]
                asks.append(wanted)
    return texts, np.asarray(products, np.int64), np.stack(asks)
