"""Products that change while the shop is open are encoded at once: a thread of its own, after the answer has gone out.

Only what is quick: texts, photos and their colours, a few products at a time, and only into tables that a complete
`shoplens embed` has made. Whatever is not done here (many products at once, videos, sound, a table that another process
is writing) is done by the next `shoplens embed`, which finds every change by itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.encoders.base import Encoder
from shoplens.errors import ShoplensError, StoreError
from shoplens.features.current import FILE_NAME, InUse, read_current
from shoplens.service.embedding import embed_products
from shoplens.service.encoders import encoder_in_use, modalities_on
from shoplens.service.media_sources import MediaSources
from shoplens.service.workspace import Workspace

log = logging.getLogger(__name__)

QUICK = ("text", "image", "colour")
MOST = 200  # products waiting; an import brings more, and is followed by `shoplens embed`
TRIES = 5  # when another process is writing the table
PAUSE = 0.2  # seconds for which changes are gathered, so that an editor's five saves are one


class LiveEmbedding:
    """Encodes products in the background. `submit` returns at once; `close` waits for what has begun.

    `sources` stay with who opened them.
    """

    def __init__(self, workspace: Workspace, sources: MediaSources) -> None:
        self._workspace = workspace
        self._sources = sources
        self._waiting: dict[str, Product] = {}
        self._changed = threading.Condition()
        self._busy = False
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._encoders: dict[str, tuple[InUse, Encoder]] = {}

    @property
    def ready(self) -> bool:
        """Whether there are tables to encode into."""
        return (self._workspace.features / FILE_NAME).exists()

    @property
    def waiting(self) -> int:
        """Products that are not encoded yet."""
        return len(self._waiting)

    def submit(self, products: Sequence[Product]) -> bool:
        """Encode these products soon. False when they are left to the next `shoplens embed`.

        Ask for those alone that look different (see `looks_different`): stock and prices change all day.
        """
        if len(products) > MOST or not self.ready:
            return False
        with self._changed:
            if self._stopped or len(self._waiting) + len(products) > MOST:
                return False
            self._waiting.update((product.item_id, product) for product in products)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shoplens-embed", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to do; False when it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def close(self) -> None:
        """Stop after the products that are being encoded now."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _work(self) -> None:
        tries = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                self._changed.wait_for(lambda: self._stopped, PAUSE * 2**tries)
                if self._stopped:
                    return
                products, self._waiting = list(self._waiting.values()), {}
                self._busy = True
            again: list[Product] = []
            try:
                embed_products(self._workspace, products, self._open(), self._sources, executor=LocalExecutor(1))
                tries = 0
            except StoreError as error:
                tries += 1
                again = products if tries < TRIES else []
                log.warning("changed products are not encoded yet: %s", error)
            except (ShoplensError, OSError) as error:
                log.warning("changed products are left to the next embed: %s", error)
            with self._changed:
                for product in again:
                    self._waiting.setdefault(product.item_id, product)  # unless it has changed again
                tries = tries if again else 0
                self._busy = False
                self._changed.notify_all()

    def _open(self) -> dict[str, Encoder]:
        """Encoders of the quick modalities in use, opened once for each table."""
        current = read_current(self._workspace.features)
        for modality in QUICK:
            chosen = current.get(modality)
            if chosen is None or modality not in modalities_on(self._workspace):
                self._encoders.pop(modality, None)
            elif modality not in self._encoders or self._encoders[modality][0] != chosen:
                self._encoders[modality] = chosen, encoder_in_use(self._workspace, modality, threads=1)
        return {modality: encoder for modality, (_, encoder) in self._encoders.items()}


def looks_different(product: Product, before: Product | None) -> bool:
    """Whether something that is encoded here has changed."""
    return before is None or (product.text, product.images) != (before.text, before.images)
