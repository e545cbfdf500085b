"""From the store's log to what profiles are worked out with: traits, usual prices, predictions, segments."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.catalogue import Product
from shoplens.domain.events import EVENT_CODES, EventWeights, event_weight
from shoplens.errors import BundleError
from shoplens.learning.profile.learning import ShopDeeds, learn_profiles
from shoplens.models.profile import Deeds, ProfileModel
from shoplens.models.profile.deeds import spoken
from shoplens.models.profile.traits import DEED_FIELDS, PriceBands, Trait, TraitColumns, traits_of
from shoplens.service.bundle import PROFILE
from shoplens.service.bundle_pointer import current_version
from shoplens.service.dataset import ShopLog
from shoplens.service.settings import ProfileSettings
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

LEAST_PEOPLE = 5  # who chose a value before it is a trait: rarer ones say nothing, and could tell of one person
MOST_VALUES = 500  # of one field
LEAST_PRICES = 3  # paid for a product before their median is its usual price

log_of_this = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TrainedProfiles:
    """The model that ships, None without any act, and figures."""

    model: ProfileModel | None
    figures: Mapping[str, Any] = field(default_factory=dict)


def train_profiles(
    workspace: Workspace,
    store: Store,
    log: ShopLog,
    weights: EventWeights,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainedProfiles:
    """Learn from the whole log; segments of the bundle that answers now are recognised."""
    settings = workspace.settings.profile
    if progress is not None:
        progress("learn profiles", 0, 4)
    model, figures = learn_profiles(
        shop_deeds(store, log, weights, settings),
        horizon_days=settings.horizon_days,
        predict=settings.predict,
        before=current_profiles(workspace),
        seed=seed,
        progress=progress,
    )
    return TrainedProfiles(model, figures)


def current_profiles(workspace: Workspace) -> ProfileModel | None:
    """The model of the bundle that answers; None without one that can be read."""
    version = current_version(workspace.bundles)
    folder = workspace.bundles / version / PROFILE if version else None
    if folder is None or not folder.is_dir():
        return None
    try:
        return ProfileModel.load(folder)
    except BundleError as error:
        log_of_this.warning("segments get new names: %s", error)
        return None


def shop_deeds(store: Store, log: ShopLog, weights: EventWeights, settings: ProfileSettings) -> ShopDeeds:
    """What is learnt from. `log` must have been read with money."""
    act = spoken(log.kinds())
    products = [_Told.of(product) for chunk in store.catalogue.scan() for product in chunk]
    bands = PriceBands.fit((one.category, one.price) for one in products)
    usual = _usual_prices(products, log, EVENT_CODES[act])
    weight = event_weight(log.event_type, log.value, weights)
    deeds = Deeds.of(
        log.user,
        len(log.users),
        item=log.item,
        kind=log.event_type,
        time=log.timestamp,
        weight=weight,
        paid=log.paid,
        price=log.price,
        usual=usual[log.item],
    )
    columns, rows = _traits(products, log, bands, weight, settings.hide)
    return ShopDeeds(
        deeds=deeds,
        rows=rows,
        columns=columns,
        bands=bands,
        usual=usual,
        act=act,
        zone=settings.timezone,
        currency=log.currency,
        known=_known(store, settings.predict),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What a profile may know of a product."""

    item_id: str
    category: tuple[str, ...]
    brand: str
    price: float  # NaN unknown; the usual one, also while it is reduced
    attributes: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, product: Product) -> _Told:
        price = product.price if product.price is not None else product.sale_price
        number = float(price) if price is not None else np.nan
        return cls(product.item_id, product.category, product.brand or "", number, product.attributes)


def _usual_prices(products: Sequence[_Told], log: ShopLog, act: int) -> npt.NDArray[np.float32]:
    """As listed, or else the median that was paid. [len(log.items)]"""
    usual = np.full(len(log.items), np.nan, np.float32)
    paid = np.flatnonzero((log.event_type == act) & (log.price > 0))
    order = paid[np.lexsort((log.price[paid], log.item[paid]))]
    count = np.bincount(log.item[order], minlength=len(usual))
    start = np.cumsum(count) - count
    some = np.flatnonzero(count >= LEAST_PRICES)
    usual[some] = log.price[order[start[some] + count[some] // 2]]
    for product in products:
        row = log.items.get(product.item_id)
        if row >= 0 and product.price > 0:
            usual[row] = product.price
    return usual


def _traits(
    products: Sequence[_Told],
    log: ShopLog,
    bands: PriceBands,
    weight: npt.NDArray[np.float32],
    hidden: Sequence[str],
) -> tuple[TraitColumns, sp.csr_matrix]:
    """Traits that enough people chose, and which product has which."""
    by_row: list[list[Trait]] = [[] for _ in range(len(log.items))]
    for product in products:
        row = log.items.get(product.item_id)
        if row >= 0:
            found = traits_of(product.category, product.brand, product.price, product.attributes, bands)
            by_row[row] = [trait for trait in found if not is_hidden(trait, hidden)]
    every = TraitColumns.of([trait for traits in by_row for trait in traits])
    rows = every.rows(by_row)
    wanted = weight > 0
    touched = sp.csr_matrix(
        (np.ones(int(wanted.sum()), np.bool_), (log.user[wanted], log.item[wanted])),
        (len(log.users), len(log.items)),
    )
    people = np.bincount((touched @ rows.astype(np.bool_)).tocsr().indices, minlength=len(every))
    kept: list[int] = []
    for name in every.fields:
        mine = every.of_field(name)
        mine = mine[people[mine] >= LEAST_PEOPLE]
        kept += np.sort(mine[np.argsort(-people[mine], kind="stable")[:MOST_VALUES]]).tolist()
    told = [(every.fields[every.field[column]], every.shown[column]) for column in kept]
    columns = TraitColumns.of([*told, *((name, value) for name, values in DEED_FIELDS.items() for value in values)])
    empty = sp.csr_matrix((rows.shape[0], len(columns) - len(kept)), dtype=np.float32)
    return columns, sp.hstack([rows[:, kept], empty], format="csr")


def is_hidden(trait: Trait, hidden: Sequence[str]) -> bool:
    """Whether the shop keeps a trait out of profiles: by the attribute's name, or a category and all below it."""
    field_name, value = trait
    for name in hidden:
        folded = name.strip().casefold()
        if field_name in (f"attributes.{folded}", folded):
            return True
        if field_name.startswith("category") and f"{value.casefold()} > ".startswith(f"{folded} > "):
            return True
    return False


def _known(store: Store, wanted: Iterable[str]) -> dict[str, dict[int, str]]:
    """Field → person → value, in the order in which `read_log` numbers people; texts only."""
    found: dict[str, dict[int, str]] = {name: {} for name in wanted}
    if not found:
        return found
    people = (person for chunk in store.people.scan() for _, person in chunk)
    for number, person in enumerate(people):
        for name, values in found.items():
            value = person.fields.get(name)
            if isinstance(value, str) and value.strip():
                values[number] = value.strip()
    return found
