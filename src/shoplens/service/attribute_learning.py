"""What a shop's catalogue teaches about its attributes: taxonomy, an extractor, and how far to believe each source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from shoplens.apps.attributes.feedback import Rejected
from shoplens.apps.attributes.found import Source
from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.patterns import patterns_in
from shoplens.apps.attributes.photo import Visible
from shoplens.apps.attributes.reading import TextReader, texts_of
from shoplens.apps.attributes.reliability import Reliability
from shoplens.apps.attributes.schema import Category, Kind, ShopSchema, current_values
from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, NotFoundError
from shoplens.models.extraction import Example, ValueExtractor
from shoplens.models.extraction.extractor import LEAST_EXAMPLES
from shoplens.service.text_models import SavedTextModel, TextModels, fingerprint
from shoplens.store.base import Store

NAME, KIND = "attributes", "extractor"
SEEN_NAME, SEEN_KIND = "attributes-photos", "photo-attributes"
MOST_TITLES = 3_000  # different titles that are learnt from; more take longer and teach little
HELD = 5  # every so many titles measure what the others taught
LEAST_SHARE = 0.05  # of an attribute's values that stand in titles: then titles teach it
LEAST_SAID = 10
SURE = 0.5  # probability from which on the extractor's word counts
SEPARATOR = " > "

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of a shop's attributes; `extractor` is None when its titles teach nothing."""

    schema: ShopSchema
    normaliser: Normaliser
    reliability: Reliability
    reader: TextReader
    extractor: ValueExtractor | None
    visible: Visible = field(default_factory=Visible)  # what photos show


def category_name(schema: ShopSchema, category: Category) -> str:
    """How the extractor calls a category."""
    return SEPARATOR.join(schema.speaking(category))


def learn(
    models: TextModels,
    products: Sequence[Product],
    rejected: Rejected | None = None,
    *,
    seed: int = 0,
    progress: Progress,
) -> Knowledge:
    """Learn from the filled attributes of a catalogue, measure every source on titles that it did not learn from, and
    keep the extractor for whoever asks later. `rejected`: values that products do not have, whatever titles say."""
    schema = ShopSchema.of(products)
    normaliser = Normaliser(schema)
    wrong = rejected or {}
    chosen = _different_titles(products, wrong, seed)
    examples = [_example(product, wrong.get(product.item_id, ()), schema, normaliser) for product in chosen]
    taught = _taught(examples)
    examples = [_only(example, taught) for example in examples]
    held = [number for number in range(len(chosen)) if not number % HELD and chosen[number].item_id not in wrong]
    train = sorted(set(range(len(chosen))) - set(held))
    extractor = None
    if sum(any(examples[number].values.values()) for number in train) >= LEAST_EXAMPLES:
        extractor = ValueExtractor.fit(
            [examples[number] for number in train if examples[number].values], progress=progress
        )
    reliability = Reliability()
    reader = TextReader(schema, normaliser, reliability)
    progress("measure sources", 0, 0)
    _measure(reader, extractor, [chosen[number] for number in held], schema, normaliser, reliability)
    _measure_words(reader, chosen, normaliser, reliability)
    if extractor is not None:
        models.save(
            NAME,
            extractor,
            kind=KIND,
            labels=sorted(taught),
            metrics=reliability.as_dict(),
            data=_fingerprint(examples),
            details={"titles": len(train)},
        )
    elif NAME in models.names(KIND):  # what was learnt from other titles says nothing of these
        models.remove(NAME)
    return Knowledge(schema, normaliser, reliability, reader, extractor)


def recall(models: TextModels, store: Store) -> Knowledge:
    """The catalogue as it is now with the extractor that was learnt last, if any."""
    schema = ShopSchema.of(product for chunk in store.catalogue.scan() for product in chunk)
    normaliser = Normaliser(schema)
    try:
        saved = models.open(NAME)
    except NotFoundError:
        reliability, extractor = Reliability(), None
    else:
        _refuse_other(saved, KIND)
        reliability, extractor = Reliability.from_dict(saved.metrics), ValueExtractor.load(saved.folder)
    reader = TextReader(schema, normaliser, reliability)
    return Knowledge(schema, normaliser, reliability, reader, extractor, _recall_visible(models))


def keep_visible(models: TextModels, visible: Visible) -> None:
    """Keep what photos show for whoever asks later; what was kept before goes when they show nothing any more."""
    if visible.attributes and visible.parts:
        models.save(
            SEEN_NAME,
            visible,
            kind=SEEN_KIND,
            labels=sorted(visible.attributes),
            metrics={
                name: {"accuracy": one.accuracy, "photos": one.photos} for name, one in visible.attributes.items()
            },
            data=fingerprint([one.values for one in visible.attributes.values()]),
            encoder=", ".join(noted for _, noted in visible.parts),
        )
    elif SEEN_NAME in models.names(SEEN_KIND):
        models.remove(SEEN_NAME)


def _recall_visible(models: TextModels) -> Visible:
    try:
        saved = models.open(SEEN_NAME)
    except NotFoundError:
        return Visible()
    _refuse_other(saved, SEEN_KIND)
    return Visible.load(saved.folder)


def _refuse_other(saved: SavedTextModel, kind: str) -> None:
    if saved.kind != kind:
        raise ConfigurationError(
            f"the text model {saved.name!r} is a {saved.kind}; remove it, its name is taken for attributes"
        )


def _different_titles(products: Sequence[Product], wrong: Rejected, seed: int) -> list[Product]:
    """One product of each title and category, those with most attributes first among equals. Up to a quarter are
    products of which a value was rejected, the others are taken at random."""
    best: dict[tuple[str, Category], Product] = {}
    for product in products:
        key = (product.title, product.category)
        if product.title and not product.stub:
            known = best.get(key)
            if known is None or _teaches(product, wrong) > _teaches(known, wrong):
                best[key] = product
    found = list(best.values())
    order = np.random.default_rng(seed).permutation(len(best)).tolist()
    corrected = [place for place in order if found[place].item_id in wrong][: MOST_TITLES // 4]
    chosen = set(list(dict.fromkeys([*corrected, *order]))[:MOST_TITLES])
    return [found[place] for place in order if place in chosen]  # a decision more leaves the others where they were


def _teaches(product: Product, wrong: Rejected) -> tuple[bool, int]:
    return product.item_id in wrong, len(product.attributes)


def _example(
    product: Product, wrong: Collection[tuple[str, str]], schema: ShopSchema, normaliser: Normaliser
) -> Example:
    """A title with the filled values that stand in it, as it says them: the weak labels. Of an attribute whose value
    was rejected and that is still empty it has none."""
    values: dict[str, tuple[str, ...]] = {}
    for name in schema.expected(product.category):
        own = current_values(product, name)
        if schema.kinds[name] not in (Kind.NUMBER, Kind.CODE) and (
            own or any(name == attribute for attribute, _ in wrong)
        ):
            values[name] = tuple(said for value in own if (said := _said(product.title, name, value, normaliser)))
    return Example(product.title, category_name(schema, product.category), values)


def _said(title: str, attribute: str, value: str, normaliser: Normaliser) -> str | None:
    """How a title says a value: letter by letter, or as the same amount."""
    start = title.lower().find(value.lower())
    if start >= 0 and len(title.lower()) == len(title):
        return title[start : start + len(value)]
    return next((one.said for one in patterns_in(title) if normaliser.same(attribute, one.value, value)), None)


def _taught(examples: Iterable[Example]) -> set[str]:
    """Attributes whose values stand in titles often enough."""
    filled: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for example in examples:
        filled.update(example.values.keys())
        said.update(name for name, values in example.values.items() if values)
    return {name for name, many in said.items() if many >= LEAST_SAID and many >= LEAST_SHARE * filled[name]}


def _only(example: Example, names: set[str]) -> Example:
    values = {name: values for name, values in example.values.items() if name in names}
    return Example(example.title, example.category, values)


def _measure(
    reader: TextReader,
    extractor: ValueExtractor | None,
    held: Sequence[Product],
    schema: ShopSchema,
    normaliser: Normaliser,
    reliability: Reliability,
) -> None:
    """Ask every source of texts about values that the shop knows."""
    counted: defaultdict[tuple[Source, str], list[bool]] = defaultdict(list)
    for product in held:
        for one in reader.read(texts_of(product), product.category, product.brand):
            own = current_values(product, one.attribute)
            if own:
                right = any(normaliser.same(one.attribute, one.value, value) for value in own)
                counted[one.source, one.attribute].append(right)
    if extractor is not None:
        answers = extractor.extract([one.title for one in held], [category_name(schema, one.category) for one in held])
        for product, answer in zip(held, answers, strict=True):
            for name, found in answer.items():
                own = current_values(product, name)
                if own and found.probability >= SURE:
                    right = any(normaliser.same(name, found.value, value) for value in own)
                    counted[Source.MODEL, name].append(right)
    for (source, attribute), answers_right in counted.items():
        for right in answers_right:
            reliability.count(source, attribute, right=right)


def _measure_words(
    reader: TextReader, products: Sequence[Product], normaliser: Normaliser, reliability: Reliability
) -> None:
    """Ask the dictionary, word by word, about values that the shop knows. It learns nothing from single titles, so that
    all may be asked."""
    counted: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for product in products:
        for one in reader.read({"title": product.title}, product.category, product.brand):
            own = current_values(product, one.attribute)
            if own and one.source is Source.DICTIONARY:
                right = any(normaliser.same(one.attribute, one.value, value) for value in own)
                counted[one.attribute, one.said.lower()].append(right)
    for (attribute, word), answers in counted.items():
        reliability.count_word(attribute, word, right=sum(answers), answers=len(answers))


def _fingerprint(examples: Sequence[Example]) -> str:
    digest = blake2b(digest_size=16)
    for example in examples:
        digest.update(
            repr((example.title, example.category, sorted(example.values.items()))).encode("utf-8", "replace")
        )
    return digest.hexdigest()
