"""What the files of one question turned into, and the question that they and typed words make together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shoplens.recommend.asking import MAX_TEXT, Ask
from shoplens.retrieval.asked import Given


@dataclass(frozen=True, slots=True, eq=False)
class AskedMedia:
    """Vectors to be near to, and words."""

    given: tuple[Given, ...] = ()
    said: str = ""  # in sound and videos: counts as if it were typed
    written: str = ""  # in photos: looked for only where nothing was typed or said

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
            return replace(ask, text=wish, given=self.given)
        return replace(ask, text=self.written, given=self.given, understand=False, written=True)
