"""A shop's attributes: find, complete, check, review, and tell what they are worth."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shoplens.apps.attributes.alike import Alike, alike
from shoplens.apps.attributes.contradictions import contradictions
from shoplens.apps.attributes.found import FoundValue, joined
from shoplens.apps.attributes.gaps import Gap
from shoplens.apps.attributes.insights import Drive
from shoplens.apps.attributes.schema import Kind
from shoplens.domain.catalogue import Product
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus, Selection
from shoplens.errors import InputError, NotFoundError
from shoplens.features.current import read_current
from shoplens.features.found_text import FoundTexts
from shoplens.features.modalities import assemble
from shoplens.service.attribute_checks import check, of_contradiction, same_photos
from shoplens.service.attribute_completion import Completion, Shown, of_extracted
from shoplens.service.attribute_decisions import Decided, Decisions, PutProducts
from shoplens.service.attribute_figures import what_drives, what_is_lacking
from shoplens.service.attribute_learning import SURE, Knowledge, Progress, category_name, learn, recall
from shoplens.service.attribute_places import places
from shoplens.service.encoders import table_of
from shoplens.service.media_sources import MediaSources
from shoplens.service.text_models import TextModels
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

COMPLETED = (ProposalKind.VALUE, ProposalKind.SPELLING, ProposalKind.PLACE)
CHECKED = (ProposalKind.CONTRADICTION, ProposalKind.CATEGORY, ProposalKind.DUPLICATE, ProposalKind.PRICE)
FRESH = 300.0  # seconds that what is known of the catalogue answers before it is read again, if it changed


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a run put on the review list."""

    products: int
    found: dict[str, int]  # kind → proposals that hold now
    new: int
    withdrawn: int  # open ones that no longer hold
    seconds: float
    sources: dict[str, Any]  # how often each source of texts was right, and how well photos tell

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "products": self.products,
            "found": self.found,
            "new": self.new,
            "withdrawn": self.withdrawn,
            "seconds": round(self.seconds, 1),
            "sources": self.sources,
        }


class Attributes:
    """Attributes of one shop. `put_products` writes products so that answers know them at once."""

    def __init__(self, workspace: Workspace, store: Store, put_products: PutProducts) -> None:
        self._workspace, self._store = workspace, store
        self._decisions = Decisions(store, put_products)
        self._models = TextModels.of(workspace.root)
        self._lock = threading.Lock()
        self._known: tuple[int, float, Knowledge] | None = None

    def extract(self, title: str, description: str = "", category: Sequence[str] = ()) -> list[FoundValue]:
        """Values in a text, in the shop's words, the surest of each attribute first."""
        knowledge = self.knowledge()
        own = tuple(category)
        found = knowledge.reader.read({"title": title, "description": description}, own)
        if knowledge.extractor is not None and title:
            (answer,) = knowledge.extractor.extract([title], [category_name(knowledge.schema, own)])
            found += [of_extracted(knowledge, name, one) for name, one in answer.items() if one.probability >= SURE]
        return [_with_family(one, knowledge) for one in joined(found)]

    def of_product(self, item_id: str) -> tuple[Product, list[FoundValue]]:
        """What the texts of a product say. NotFoundError when there is none of that id."""
        product = self._product(item_id)
        return product, self.extract(product.title, product.description, product.category)

    def complete(self, *, seed: int = 0, progress: Progress) -> Reviewed:
        """Learn from the catalogue, find what is missing or spelt otherwise, and put it on the review list."""
        began, now = time.perf_counter(), _now()
        found = self._find(seed, progress)
        proposals = [*found.proposals(now), *places(found.products, now, progress)]
        return self._offer(found, proposals, COMPLETED, now, began)

    def check(self, *, seed: int = 0, progress: Progress) -> Reviewed:
        """Learn from the catalogue, find what is wrong, and put it on the review list."""
        began, now = time.perf_counter(), _now()
        found = self._find(seed, progress, vote=False)
        with MediaSources(self._workspace) as media:
            looks = same_photos(found.products, media.photos, progress)
        return self._offer(found, list(check(found, looks, now)), CHECKED, now, began)

    def contradictions(self, item_ids: Sequence[str]) -> list[Proposal]:
        """Of some products, by their texts alone; nothing is written. NotFoundError for unknown ids."""
        knowledge = self.knowledge()
        found = []
        for item_id in item_ids:
            product, read = self.of_product(item_id)
            told = contradictions(product, read, (), knowledge.schema, knowledge.normaliser)
            found += [of_contradiction(item_id, one, _now()) for one in told]
        return found

    def accept(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        """Write what is proposed to the products, and remember it. All or nothing.

        NotFoundError for unknown ids; ConflictError when a proposal was decided already, or its product has changed
        meanwhile. Accepting a duplicate or a price only remembers that somebody looked.
        """
        return self._decisions.accept(proposal_ids)

    def reject(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        """Never propose this again. NotFoundError for unknown ids; ConflictError when one was decided already."""
        return self._decisions.reject(proposal_ids)

    def reopen(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        """Take decisions back, all or nothing: they are on the list again, and products say what they said before.

        NotFoundError for unknown ids; ConflictError when nothing was decided, or a product no longer says what was
        accepted.
        """
        return self._decisions.reopen(proposal_ids)

    def accept_selected(self, selection: Selection, *, after: str | None = None, most: int | None = None) -> Decided:
        """Accept all open proposals of a selection, the surest first, but for those that `accept` would refuse.

        `most` are looked at; go on behind the answer's `after`. InputError when the selection leaves nothing out.
        """
        return self._decisions.decide(selection, ProposalStatus.ACCEPTED, after=after, most=most)

    def reject_selected(self, selection: Selection, *, after: str | None = None, most: int | None = None) -> Decided:
        """Reject all open proposals of a selection; see `accept_selected`."""
        return self._decisions.decide(selection, ProposalStatus.REJECTED, after=after, most=most)

    def count(self, selection: Selection) -> int:
        """How many open proposals a selection has."""
        return self._decisions.count(selection)

    def insights(self, *, days: float | None = None) -> list[Drive]:
        """Which values go with purchases; of the last so many days, or of all time."""
        since = 0 if days is None else _now() - int(days * MICROSECONDS_PER_DAY)
        return what_drives(self._store, self._products(), self.knowledge().schema, since=since)

    def gaps(self, *, days: float = 90.0, n: int = 50) -> list[Gap]:
        """What people searched for and the shop lacks."""
        since = _now() - int(days * MICROSECONDS_PER_DAY)
        return what_is_lacking(self._store, self._products(), self.knowledge().schema, since=since, n=n)

    def alike(self, item_id: str, attributes: Sequence[str], *, n: int = 10) -> list[Alike]:
        """Products that share most of the chosen attributes."""
        knowledge = self.knowledge()
        product = self._product(item_id)
        return alike(product, self._products(), attributes, knowledge.schema, knowledge.normaliser, n=n)

    def knowledge(self) -> Knowledge:
        """The shop's taxonomy and the extractor learnt last; read again some minutes after the catalogue changed."""
        with self._lock:
            revision = self._store.catalogue.revision()
            known = self._known
            if known is None or (known[0] != revision and time.monotonic() - known[1] > FRESH):
                known = revision, time.monotonic(), recall(self._models, self._store)
                self._known = known
            return known[2]

    def _find(self, seed: int, progress: Progress, *, vote: bool = True) -> Completion:
        products = self._products()
        if not products:
            raise InputError("the catalogue is empty; begin with `shoplens ingest products FILE`")
        knowledge = learn(self._models, products, seed=seed, progress=progress)
        with self._lock:
            self._known = self._store.catalogue.revision(), time.monotonic(), knowledge
        found = Completion(products, knowledge, self._shown(products), progress, seed=seed)
        found.find(vote=vote)
        return found

    def _shown(self, products: Sequence[Product]) -> Shown:
        """Vectors and found words of the products, as far as `embed` made them."""
        ids = [one.item_id for one in products]
        tables = {name: table_of(self._workspace, name) for name in ("text", "image", "colour")}
        found = {one.name: one.values for one in assemble(tables.items(), ids)}
        photo = [found[name] for name in ("image", "colour") if name in found]
        chosen = read_current(self._workspace.features).get("ocr")
        words: dict[str, str] = {}
        if chosen is not None:
            with FoundTexts(self._workspace.features, "ocr", chosen.reader) as kept:
                said = kept.texts([one.item_id for one in products if one.images])
                words = {item_id: "\n".join(one.text for one in lines) for item_id, lines in said.items()}
        return Shown(found.get("text"), np.concatenate(photo, axis=1) if photo else None, words)

    def _offer(
        self, found: Completion, proposals: list[Proposal], kinds: Iterable[ProposalKind], now: int, began: float
    ) -> Reviewed:
        wanted = tuple(kinds)
        new = self._store.proposals.offer(proposals)
        withdrawn = self._store.proposals.withdraw(wanted, now)
        counts = {kind.value: sum(one.kind is kind for one in proposals) for kind in wanted}
        sources = found.knowledge.reliability.as_dict()
        photos = {
            name: {
                "accuracy": round(one.accuracy, 3),
                "most_frequent": round(one.most_frequent, 3),
                "photos": one.photos,
            }
            for name, one in found.photos.items()
        }
        told = {"texts": sources, "photos": photos}
        return Reviewed(len(found.products), counts, new, withdrawn, time.perf_counter() - began, told)

    def _product(self, item_id: str) -> Product:
        product = self._store.catalogue.get([item_id]).get(item_id)
        if product is None:
            raise NotFoundError(f"there is no product {item_id!r}")
        return product

    def _products(self) -> list[Product]:
        return [one for chunk in self._store.catalogue.scan() for one in chunk if not one.stub]


def _with_family(one: FoundValue, knowledge: Knowledge) -> FoundValue:
    """The value of a colour attribute with the family it belongs to."""
    if knowledge.schema.kinds.get(one.attribute) is not Kind.COLOUR:
        return one
    return replace(one, family=knowledge.normaliser.families.of(one.value))


def _now() -> int:
    return time.time_ns() // 1_000
