"""What the files of one question turned into, and the question that they and typed words make together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shoplens.apps.interaction.answering import BESIDE, COMPOSED, LOOKS
from shoplens.apps.interaction.moves import Like
from shoplens.apps.interaction.refinement import Refinements
from shoplens.recommend.asking import MAX_GIVEN, MAX_TEXT, Ask
from shoplens.retrieval.asked import Given

PHOTOS = ("image", "recognised")  # signals that are asked with photos
Floats = npt.NDArray[np.float32]
#: Photos in the space of words and photos, and a question whose words change them → a vector for the signal "looks";
#: None where they change nothing.
Compose: TypeAlias = Callable[[Sequence[Floats], Ask], Floats | None]


@dataclass(frozen=True, slots=True, eq=False)
class AskedMedia:
    """Vectors to be near to, and words."""

    given: tuple[Given, ...] = ()
    said: str = ""  # in sound and videos: counts as if it were typed
    written: str = ""  # in photos: looked for only where nothing was typed or said
    shown: tuple[Floats, ...] = ()  # photos in the space of words and photos, where one was learnt
    compose: Compose | None = None  # makes one question of them and of words, as conversations do

    @property
    def heard(self) -> str:
        """All words that were found, for people."""
        return " ".join(words for words in (self.said, self.written) if words)

    def join(self, ask: Ask) -> Ask:
        """A question of typed words with these files. Of long speech the beginning is searched for.

        What is written in a photo is a hint and no wish: nothing is filtered by it.
        """
        wish = " ".join(words for words in (ask.text.strip(), self.said.strip()) if words)[:MAX_TEXT].strip()
        if wish or not self.given:
            return self._composed(replace(ask, text=wish, given=self.given))
        return replace(ask, text=self.written, given=self.given, understand=False, written=True)

    def _composed(self, ask: Ask) -> Ask:
        """The same question, whose words change what the photos show: "like this but red"."""
        if not ask.text or not self.shown or self.compose is None:
            return ask
        reading = Refinements().read(ask.text, photos=True)
        if all(isinstance(move, Like) for move in reading.moves):  # "like this" is no word to be looked for
            ask = replace(ask, text=reading.rest)
        looks = self.compose(self.shown, ask)
        if looks is None:
            return ask
        beside = (replace(one, weight=one.weight * BESIDE) if one.signal in PHOTOS else one for one in ask.given)
        return replace(ask, given=(Given(LOOKS, looks, COMPOSED), *beside)[:MAX_GIVEN])
