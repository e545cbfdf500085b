"""A workspace's vectors: the store's products through the configured encoders into feature tables, and back out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shoplens.compute.base import Executor
from shoplens.domain.dataset import Modality
from shoplens.encoders.base import Encoder, EncoderOptions, open_encoder
from shoplens.encoders.photos import PhotoLimits, PhotoOpener
from shoplens.errors import ConfigurationError
from shoplens.features.attributes import AttributeSpace, product_tokens
from shoplens.features.embed import EmbedReport, embed
from shoplens.features.inputs import Inputs, PhotoInputs, TextInputs
from shoplens.features.modalities import MEANS, assemble, update_language_means
from shoplens.features.table import FeatureTable, open_writer
from shoplens.service.settings import Workspace
from shoplens.store.base import Store

#: Modalities that have an encoder of their own, in the order in which they are embedded.
MODALITIES = ("text", "image")

Progress = Callable[[str, int], None]  # modality, products settled so far


def encoder_of(workspace: Workspace, modality: str, *, threads: int | None = None) -> Encoder:
    """The configured encoder of a modality. It loads when it is first used."""
    encoders = workspace.settings.encoders
    if modality not in MODALITIES:
        raise ConfigurationError(f"no modality {modality!r}; known: {', '.join(MODALITIES)}")
    name: str = getattr(encoders, modality)
    options = EncoderOptions(workspace.model_cache, precision=encoders.precision, threads=threads)
    encoder = open_encoder(name, options)
    if encoder.modality != modality:
        raise ConfigurationError(
            f"encoders.{modality} = {name!r} reads {encoder.modality}, not {modality}; choose another in shoplens.toml"
        )
    return encoder


def table_of(workspace: Workspace, modality: str) -> FeatureTable:
    """Vectors of a modality by its configured encoder, as they are now; empty when nothing was embedded yet."""
    encoder = encoder_of(workspace, modality)
    return FeatureTable.open(workspace.features, modality, encoder.name, encoder.version)


def embed_shop(
    workspace: Workspace,
    store: Store,
    *,
    executor: Executor,
    modalities: Sequence[str] = MODALITIES,
    progress: Progress | None = None,
    retry_refused: bool = False,
    allow_private: bool = False,
) -> dict[str, EmbedReport]:
    """Bring the tables of a workspace up to date with its store. One report a modality."""
    images = workspace.settings.images
    limits = PhotoLimits(images.max_bytes, images.max_pixels, images.timeout_seconds, allow_private=allow_private)
    reports: dict[str, EmbedReport] = {}
    with PhotoOpener(workspace.root, limits) as opener:
        for modality in modalities:
            # One thread an encoder call: the executor's workers fill the cores, without waiting for one another.
            encoder = encoder_of(workspace, modality, threads=1)
            inputs: Inputs = TextInputs() if modality == "text" else PhotoInputs(opener)

            def tell(done: int, modality: str = modality) -> None:
                if progress is not None:
                    progress(modality, done)

            table = open_writer(workspace.features, modality, encoder.name, encoder.version, encoder.size)
            with table:
                reports[modality] = embed(
                    store.catalogue.scan(),
                    table,
                    encoder,
                    inputs,
                    executor=executor,
                    progress=tell,
                    batch=workspace.settings.encoders.batch if modality == "text" else 16,
                    retry_refused=retry_refused,
                )
                report = reports[modality]
                changed = report.encoded or report.removed or not (table.folder / MEANS).exists()
                if modality == "text" and table.size and changed:
                    update_language_means(table)
    return reports


def shop_modalities(workspace: Workspace, store: Store, item_ids: Sequence[str]) -> tuple[Modality, ...]:
    """Everything known about the content of products, row by row as in `item_ids`: text, image, attributes.

    The attributes leave the price out: the catalogue knows the price of today, which for the events that a model learns
    from and is judged on lies in the future (a clearance price, or a price at all, tells what came later).
    """
    tables = [(modality, table_of(workspace, modality)) for modality in MODALITIES]
    found = assemble(tables, item_ids)
    space = AttributeSpace.fit_tokens(product_tokens(product) for chunk in store.catalogue.scan() for product in chunk)
    attributes = space.token_modality(_tokens(store, item_ids))
    return (*found, attributes) if attributes.present.any() else found


def shop_texts(store: Store, item_ids: Sequence[str]) -> tuple[str, ...]:
    """The text of each product as `Product.text` joins it, "" where there is none. [len(item_ids)]"""
    texts: list[str] = []
    for start in range(0, len(item_ids), 5_000):
        part = item_ids[start : start + 5_000]
        products = store.catalogue.get(part)
        texts.extend(products[item_id].text if item_id in products else "" for item_id in part)
    return tuple(texts)


def _tokens(store: Store, item_ids: Sequence[str]) -> Iterator[list[str]]:
    """Tokens of products in the order of `item_ids`, a few thousand products in memory at a time."""
    for start in range(0, len(item_ids), 5_000):
        part = item_ids[start : start + 5_000]
        products = store.catalogue.get(part)
        for item_id in part:
            product = products.get(item_id)
            yield product_tokens(product) if product is not None else []
