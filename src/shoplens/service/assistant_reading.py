"""The encoder that the assistant reads messages with: the shop's own, each message read once however many ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import numpy as np

from shoplens.encoders.base import TextEncoder, Vectors
from shoplens.encoders.gathered import Gathered
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.service.encoders import OFF, encoder_of, setting_of
from shoplens.service.workspace import Workspace

REMEMBERED = 30_000  # texts: intents, documents and search ask for the same one; learning reads a file several times


class RememberingEncoder:
    """A text encoder that remembers the latest texts. Safe to share between threads."""

    modality = "text"

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._read = Gathered(encoder.encode_queries)
        self._known: OrderedDict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = OrderedDict()
        self._lock = threading.Lock()
        self.name = encoder.name

    @property
    def version(self) -> str:
        """Of the encoder behind it."""
        return self._encoder.version

    @property
    def size(self) -> int:
        """Of the encoder behind it."""
        return self._encoder.size

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """As the encoder behind it."""
        return self._encoder.encode(inputs)

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """As the encoder behind it, each text once, and those of several threads together."""
        with self._lock:
            known = {text: self._known[text] for text in inputs if text in self._known}
        missing = list(dict.fromkeys(text for text in inputs if text not in known))
        if missing:
            known |= dict(zip(missing, self._read(missing), strict=True))
            with self._lock:
                for text in missing:
                    self._known[text] = known[text]
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return np.stack([known[text] for text in inputs]) if inputs else np.zeros((0, self.size), np.float32)


def reading_encoder(workspace: Workspace) -> RememberingEncoder:
    """The shop's encoder of texts; where texts are off, one without weights."""
    if setting_of(workspace, "text") == OFF:
        return RememberingEncoder(HashedNgramEncoder())
    return RememberingEncoder(cast(TextEncoder, encoder_of(workspace, "text")))
