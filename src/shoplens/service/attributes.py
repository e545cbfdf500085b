"""A shop's attributes: find, complete, check, review, and tell what they are worth."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from shoplens.apps.attributes.alike import Alike, alike
from shoplens.apps.attributes.contradictions import contradictions
from shoplens.apps.attributes.disputes import settled
from shoplens.apps.attributes.feedback import Feedback
from shoplens.apps.attributes.found import FoundValue, joined
from shoplens.apps.attributes.gaps import Gap
from shoplens.apps.attributes.insights import Drive
from shoplens.apps.attributes.reading import texts_of
from shoplens.apps.attributes.schema import Kind
from shoplens.apps.attributes.written import Written
from shoplens.domain.catalogue import Product
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus, Selection
from shoplens.errors import InputError, NotFoundError, ShoplensError
from shoplens.features.modalities import assemble
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.attribute_checks import check, of_contradiction, same_photos
from shoplens.service.attribute_completion import Completion, Shown, of_extracted
from shoplens.service.attribute_decisions import Decided, Decisions, feedback_of
from shoplens.service.attribute_figures import what_drives, what_is_lacking
from shoplens.service.attribute_learning import (
    NAME,
    SEEN_NAME,
    SURE,
    Knowledge,
    Progress,
    category_name,
    keep_visible,
    learn,
    recall,
)
from shoplens.service.attribute_photos import ProductPhotos, photo_parts
from shoplens.service.attribute_places import places
from shoplens.service.attribute_writing import PutProducts
from shoplens.service.encoders import table_of
from shoplens.service.text_models import TextModels
from shoplens.service.uploads import one_change
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

COMPLETED = (ProposalKind.VALUE, ProposalKind.SPELLING, ProposalKind.PLACE)
CHECKED = (ProposalKind.CONTRADICTION, ProposalKind.CATEGORY, ProposalKind.DUPLICATE, ProposalKind.PRICE)
Stamp = tuple[int, str, str]

FRESH = 300.0  # seconds that what is known of the catalogue answers before it is read again, if it changed


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a run put on the review list."""

    products: int
    found: dict[str, int]  # kind → proposals that hold now
    new: int
    withdrawn: int  # open ones that no longer hold
    seconds: float
    sources: dict[str, Any]  # how often each source of texts was right, how well photos tell, and what was decided

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


@dataclass(frozen=True, slots=True)
class ReadProduct:
    """A product, and what its texts and photos say."""

    product: Product
    values: list[FoundValue]
    unread: str | None = None  # its photo, as the product names it, where that could not be read
    why: str = ""  # it could not; may name files of this machine


class Attributes:
    """Attributes of one shop. `put_products` writes products so that answers know them at once."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        facts: CatalogueFacts,
        put_products: PutProducts,
        photos: ProductPhotos,
    ) -> None:
        self._workspace, self._store, self._facts, self._photos = workspace, store, facts, photos
        self._decisions = Decisions(store, put_products, self._forget_feedback, partial(one_change, workspace))
        self._models = TextModels.of(workspace.root)
        self._lock = threading.Lock()
        self._known: tuple[Stamp, float, Knowledge] | None = None
        self._feedback: tuple[float, Feedback] | None = None
        self._decided = 0  # how often something was

    def extract(self, title: str, description: str = "", category: Sequence[str] = ()) -> list[FoundValue]:
        """Values in a text, in the shop's words, the surest of each attribute first."""
        knowledge = self.knowledge()
        given = Product(item_id="", title=title, description=description, category=tuple(category))
        return self._told(_said(knowledge, given, Written()), knowledge)

    def of_product(self, item_id: str) -> ReadProduct:
        """What the texts of a product say, the words in its photos, and the first photo itself.

        What `shoplens embed` has not read yet is read now; a photo that cannot be read is named. What somebody
        rejected for this product is not said again. NotFoundError when there is no product of that id.
        """
        product, knowledge = self._product(item_id), self.knowledge()
        found = _said(knowledge, product, self._photos.written(product))
        unread, why = None, ""
        try:
            found += self._photos.seen(product, knowledge)
        except ShoplensError as error:
            unread, why = product.images[0], str(error)
        return ReadProduct(product, self._told(found, knowledge, item_id), unread, why)

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
        looks = same_photos(found.products, self._photos.opener, progress)
        return self._offer(found, list(check(found, looks, now)), CHECKED, now, began)

    def contradictions(self, item_ids: Sequence[str]) -> list[Proposal]:
        """Of some products, by their texts as they are and what `shoplens embed` read in their photos; nothing is
        written. NotFoundError for unknown ids."""
        knowledge = self.knowledge()
        products = [self._product(item_id) for item_id in item_ids]
        words, nothing, found = self._photos.kept(products), Written(), []
        for product, seen in zip(products, self._photos.classified(products, knowledge), strict=True):
            written = words.get(product.item_id, nothing)
            read = joined(_said(knowledge, product, written))
            told = contradictions(product, read, seen, knowledge.schema, knowledge.normaliser)
            found += [of_contradiction(product.item_id, one, _now()) for one in told]
        feedback = self.feedback()
        return [judged for one in found if (judged := feedback.judged(one)) is not None]

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
        return alike(product, self._facts, attributes, knowledge.schema, knowledge.normaliser, n=n)

    def knowledge(self) -> Knowledge:
        """The shop's taxonomy and what was learnt last; read again when that is learnt anew, whichever process did it,
        and some minutes after the catalogue changed."""
        with self._lock:
            stamp = self._stamp()
            known = self._known
            if (
                known is None
                or known[0][1:] != stamp[1:]
                or (known[0] != stamp and time.monotonic() - known[1] > FRESH)
            ):
                known = stamp, time.monotonic(), recall(self._models, self._store)
                self._known = known
            return known[2]

    def feedback(self) -> Feedback:
        """What decisions teach: at once where they are made, and in other processes some minutes later."""
        known = self._feedback
        if known is None or time.monotonic() - known[0] > FRESH:
            turn, known = self._decided, (time.monotonic(), feedback_of(self._store))
            if turn == self._decided:  # else something was decided while the list was read
                self._feedback = known
        return known[1]

    def _forget_feedback(self) -> None:
        self._decided += 1
        self._feedback = None

    def _told(self, found: Iterable[FoundValue], knowledge: Knowledge, item_id: str = "") -> list[FoundValue]:
        """What was found, as far as decisions let it be believed, the surest of each attribute first."""
        feedback = self.feedback()
        believed = settled(found, lambda _, name: knowledge.visible.share_won(name), knowledge.normaliser)
        heard = (feedback.heard(one, item_id) for one in believed)
        return [_with_family(one, knowledge) for one in joined(one for one in heard if one is not None)]

    def _stamp(self) -> Stamp:
        """Changes with the catalogue; behind that, with what was learnt from it."""
        versions = []
        for name in (NAME, SEEN_NAME):
            try:
                versions.append(self._models.stamp(name))
            except NotFoundError:
                versions.append("")
        return self._store.catalogue.revision(), versions[0], versions[1]

    def _find(self, seed: int, progress: Progress, *, vote: bool = True) -> Completion:
        self._decisions.hold()
        revision = self._store.catalogue.revision()  # first: what comes in while this learns is not known here
        products = self._products()
        if not products:
            raise InputError("the catalogue is empty; begin with `shoplens ingest products FILE`")
        self._forget_feedback()
        feedback = self.feedback()
        knowledge = learn(self._models, products, feedback.rejected, seed=seed, progress=progress)
        found = Completion(products, knowledge, self._shown(products), progress, self._photos.regions(), feedback, seed)
        found.find(vote=vote)
        keep_visible(self._models, found.photos)
        with self._lock:
            stamp = (revision, *self._stamp()[1:])
            self._known = stamp, time.monotonic(), replace(knowledge, visible=found.photos)
        return found

    def _shown(self, products: Sequence[Product]) -> Shown:
        """Vectors and found words of the products, as far as `embed` made them."""
        ids = [one.item_id for one in products]
        tables = {name: table_of(self._workspace, name) for name in ("text", "image", "colour")}
        found = {one.name: one.values for one in assemble(tables.items(), ids)}
        photo = [found[name] for name in ("image", "colour") if name in found]
        parts = photo_parts(self._workspace, [name for name in ("image", "colour") if name in found])
        if len(parts) < len(photo):
            parts = ()  # of tables that are not complete nothing is kept
        seen = np.concatenate(photo, axis=1) if photo else None
        return Shown(found.get("text"), seen, parts, self._photos.kept(products))

    def _offer(
        self, found: Completion, proposals: list[Proposal], kinds: Iterable[ProposalKind], now: int, began: float
    ) -> Reviewed:
        wanted = tuple(kinds)
        judged = (one if one.kind is ProposalKind.VALUE else found.feedback.judged(one) for one in proposals)
        proposals = [one for one in judged if one is not None]
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
            for name, one in found.photos.attributes.items()
        }
        told = {"texts": sources, "photos": photos, "decisions": found.feedback.as_dict()}
        return Reviewed(len(found.products), counts, new, withdrawn, time.perf_counter() - began, told)

    def _product(self, item_id: str) -> Product:
        product = self._store.catalogue.get([item_id]).get(item_id)
        if product is None:
            raise NotFoundError(f"there is no product {item_id!r}")
        return product

    def _products(self) -> list[Product]:
        return [one for chunk in self._store.catalogue.scan() for one in chunk if not one.stub]


def _said(knowledge: Knowledge, product: Product, written: Written) -> list[FoundValue]:
    """What the texts of a product say, and words in its photos."""
    read = knowledge.reader.read(texts_of(product, written.text), product.category, product.brand)
    found = [written.placed(one) for one in read]
    if knowledge.extractor is not None and product.title:
        (answer,) = knowledge.extractor.extract([product.title], [category_name(knowledge.schema, product.category)])
        found += [of_extracted(knowledge, name, one) for name, one in answer.items() if one.probability >= SURE]
    return found


def _with_family(one: FoundValue, knowledge: Knowledge) -> FoundValue:
    """The value of a colour attribute with the family it belongs to."""
    if knowledge.schema.kinds.get(one.attribute) is not Kind.COLOUR:
        return one
    return replace(one, family=knowledge.normaliser.families.of(one.value))


def _now() -> int:
    return time.time_ns() // 1_000
