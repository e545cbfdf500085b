"""Vectors of texts, computed once whoever asks for them: the encoder is what reading a post costs.

Posts that say the same apart from addresses, handles and spaces are one text, and so a repost costs nothing. What a
post's vector is depends on its text alone, never on what was read before, but for the precision with which the encoder
reads many and few (decision 29).
"""

from __future__ import annotations

import html
import re
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.apps.opinions.examples_of_tone import EXAMPLES
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of

READ = 300  # characters of a text that vectors are made of: a post says what it is about early
REMEMBERED = 20_000  # texts, 30 MB: reposts come within hours
_NOISE = re.compile(r"https?://\S+|www\.\S+|(?<!\w)@\w+:?|^\s*rt\b:?", re.IGNORECASE)


class Vectors:
    """An encoder that remembers the latest texts. It is an encoder itself: models that are trained on vectors are given
    it, and so topic and tone share one reading."""

    modality = "text"

    def __init__(self, encoder: TextEncoder, *, most: int = REMEMBERED) -> None:
        self.name = encoder.name
        self.version = encoder.version
        self.size = encoder.size
        self._encoder = encoder
        self._most = most
        self._known: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()
        self._means: LanguageMeans | None = None

    def encode(self, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Encoder`. float32 [len(inputs), size]"""
        said = [said_in(text) for text in inputs]
        new = [text for text in dict.fromkeys(said) if text not in self._known]
        if new:
            self._known.update(zip(new, self._encoder.encode(new), strict=True))
        made = np.empty((len(said), self.size), np.float32)
        for row, text in enumerate(said):
            made[row] = self._known[text]
            self._known.move_to_end(text)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return made

    def encode_queries(self, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
        """Posts are read like products: they are texts, not questions."""
        return self.encode(inputs)

    def centred(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors less the mean of sentences of the same language: what is left is what a text is about."""
        if self._means is None:
            sentences = [sentence for sentence, _ in EXAMPLES]
            self._means = LanguageMeans.estimate(self._encoder.encode(sentences), languages_of(sentences))
        return self._means.centre(self.encode(texts), languages_of(texts))


def said_in(text: str) -> str:
    """What of a text is read: its beginning, without addresses, handles, the mark of a repost, and spare spaces."""
    plain = html.unescape(text) if "&" in text else text
    said = " ".join(_NOISE.sub(" ", plain).split()) or " ".join(plain.split())
    return said[:READ]
