"""What search reads, kept as fresh as the store: words in an index on disk, vectors in memory.

A thread follows the store: what changed is indexed within a fraction of a second, whichever process changed it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.errors import ShoplensError
from shoplens.features.align.bridge import SIGHT, ClassNameBridge
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.service.bridging import bridge_blend
from shoplens.service.loose_media import LooseMedia
from shoplens.service.search_rules import SearchRules
from shoplens.service.search_vectors import SearchVectors
from shoplens.service.search_words import Progress, SearchWords
from shoplens.service.trouble import Trouble
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

log = logging.getLogger(__name__)
LOOK_EVERY = 0.2  # seconds between looks at the store's revision and at other processes' commits
PAUSE = 2.0  # seconds between tries when the store or the disk is away


class SearchIndex:
    """Words and vectors of one shop. `start` follows the store in a thread, `sync` once; `close` ends both."""

    def __init__(
        self, workspace: Workspace, store: Store, facts: CatalogueFacts, media: LooseMedia, rules: SearchRules
    ) -> None:
        self._facts = facts
        self._rules = rules
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._looked = threading.Event()  # at words and vectors, at least once
        self._thread: threading.Thread | None = None
        self.words = SearchWords(workspace, store)
        self.words.index.read_by(rules.analyser)
        self.vectors = SearchVectors(workspace, facts, media)

    def hybrid(self) -> HybridIndex:
        """What answers now."""
        vectors = self.vectors
        return HybridIndex(
            self.words.index,
            vectors.signals,
            reader=vectors.reader,
            space=vectors.space if vectors.space is not None else vectors.bridge,
            spoken=vectors.spoken,
            views=vectors.views,
            floor=vectors.floor,
            sight=SIGHT if vectors.space is None and isinstance(vectors.bridge, ClassNameBridge) else None,
            blend=vectors.blend if vectors.blend is not None else bridge_blend(vectors.bridge),
            row_of=self._facts.rows,
            id_of=self._ids,
        )

    def changed(self, products: Sequence[Product], gone: Sequence[str]) -> None:
        """Products were changed or taken out: look now, not at the next tick."""
        self.vectors.changed(products, gone)
        self._wake.set()

    def start(self) -> None:
        """Follow the store until `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="shoplens-search", daemon=True)
            self._thread.start()

    def sync(self, progress: Progress | None = None) -> None:
        """Take in all that changed; `progress` hears how many products were indexed."""
        self.follow_rules()
        self.words.sync(progress)
        self.vectors.refresh(now=True, build=False)

    def follow_rules(self) -> None:
        """Read queries with the shop's newest synonyms and words."""
        self._rules.follow()
        if self.words.index.analyser is not self._rules.analyser:
            self.words.index.read_by(self._rules.analyser)

    def wait(self, seconds: float) -> None:
        """Until the thread that `start` began has looked at everything once, at most so long."""
        self._looked.wait(seconds)

    def close(self) -> None:
        """Stop following; what was committed stays."""
        self._stop.set()
        self.words.stop()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _follow(self) -> None:
        trouble = Trouble(log, "the search index is not up to date")
        while not self._stop.is_set():
            try:
                self.follow_rules()
                self.words.sync(wait=False)
                self.vectors.refresh()
                trouble.over()
            except (ShoplensError, OSError) as error:  # answers go on, the next look tries again
                trouble.met(error)
                self._stop.wait(PAUSE)
            self._looked.set()
            self._wake.wait(LOOK_EVERY)
            self._wake.clear()

    def _ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        ids = self._facts.ids
        return [ids[row] for row in rows.tolist()]
