"""A question in the terms of retrieval: words, and vectors to be near to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A vector asked with.

    signal: "meaning" (the text encoder's space, centred), "looks" (the shared space of words and photos), "image"
    (photo encoder and colour: looks like this photo), "recognised" (which product it shows), "audio" or "video".
    """

    signal: str
    vector: npt.NDArray[np.float32]  # [size of the signal]
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question: words, vectors, or both."""

    text: str = ""
    given: tuple[Given, ...] = ()
    prefix: bool = False  # the last word is still being typed
    typos: bool = True
