"""A workspace's vectors: the store's products through the configured encoders into feature tables, and back out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from shoplens.compute.base import Executor
from shoplens.domain.catalogue import Product
from shoplens.domain.dataset import Modality
from shoplens.encoders.base import Encoder
from shoplens.errors import MissingExtraError
from shoplens.features.attributes import AttributeSpace, product_tokens
from shoplens.features.current import folder_noted, prune, read_current, switch
from shoplens.features.embed import EmbedReport, embed
from shoplens.features.found_text import FoundText, FoundTextInputs, FoundTexts, read_media
from shoplens.features.modalities import MEANS, assemble, update_language_means
from shoplens.features.shots import ShotWriter
from shoplens.features.table import TableWriter
from shoplens.service import bundle_pointer
from shoplens.service.bundle import read_manifest
from shoplens.service.encoders import (
    FOUND,
    MEDIA,
    MODALITIES,
    configured,
    encoder_of,
    has_media,
    known_modality,
    modalities_on,
    recogniser_of,
    table_of,
)
from shoplens.service.finetuned import prune_models
from shoplens.service.media_sources import MediaSources
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

READ_AT_ONCE = 2_000  # products; words in photos and speech take up to a second a piece: more wait until asked for
PATIENCE = 20.0  # seconds to wait for a shop that is encoding a product that has just changed
Progress = Callable[[str, int], None]  # modality, products settled so far


def embed_shop(
    workspace: Workspace,
    store: Store,
    *,
    executor: Executor,
    modalities: Sequence[str] | None = None,
    progress: Progress | None = None,
    retry_refused: bool = False,
    allow_private: bool = False,
) -> dict[str, EmbedReport]:
    """Bring the tables of a workspace up to date with its store. One report a modality.

    Each table that is complete is read from then on (`features.current`); a run that is stopped leaves the one before
    in use. Without `modalities` all that are on and that some product has are embedded. Left out are those whose
    optional part is not installed, and words in media that were never read before when more than READ_AT_ONCE products
    have some: `skipped` of their reports says why. Asked for by name, a modality that is off raises ConfigurationError,
    and a missing part MissingExtraError.
    """
    chosen = [known_modality(name) for name in modalities] if modalities else modalities_on(workspace)
    catalogue = _Catalogue(store)
    reports: dict[str, EmbedReport] = {}
    with MediaSources(workspace, allow_private=allow_private) as sources:
        for modality in chosen:
            new = modality != "text" and not (workspace.features / modality).is_dir()
            if new and not catalogue.has(modality):
                reports[modality] = EmbedReport(missing=catalogue.products, skipped=f"no product has {MEDIA[modality]}")
                continue
            if new and not modalities and modality in FOUND and (many := catalogue.count(modality)) > READ_AT_ONCE:
                reports[modality] = EmbedReport(
                    skipped=f"{many:,} products have {MEDIA[modality]}, which takes a while to read; once it was done "
                    f"with `shoplens embed --modality {modality}`, every embed reads what is new"
                )
                continue

            def tell(done: int, modality: str = modality) -> None:
                if progress is not None:
                    progress(modality, done)

            run = _Run(workspace, catalogue, sources, executor, tell, retry_refused)
            try:
                reports[modality] = run.found(modality) if modality in FOUND else run.content(modality)
            except MissingExtraError as error:
                if modalities:
                    raise
                reports[modality] = EmbedReport(skipped=str(error))
    return reports


class _Catalogue:
    """All products, and which media they have: noticed while they are read for the first modality."""

    def __init__(self, store: Store) -> None:
        self.products = 0
        self._store = store
        self._found = dict.fromkeys(MODALITIES, 0)  # products that have some
        self._read = False  # once, to its end

    def scan(self) -> Iterator[list[Product]]:
        """All products in chunks."""
        if self._read:
            yield from self._store.catalogue.scan()
            return
        products = 0
        found = dict.fromkeys(MODALITIES, 0)
        for chunk in self._store.catalogue.scan():
            products += len(chunk)
            for name in MODALITIES:
                found[name] += sum(has_media(product, name) for product in chunk)
            yield chunk
        self.products, self._found, self._read = products, found, True

    def has(self, modality: str) -> bool:
        """Whether some product has something of a modality."""
        return self.count(modality) > 0

    def count(self, modality: str) -> int:
        """How many products have something of a modality."""
        if not self._read:
            for _ in self.scan():
                pass
        return self._found[modality]


class _Run:
    """One modality of one `embed_shop`."""

    def __init__(
        self,
        workspace: Workspace,
        catalogue: _Catalogue,
        sources: MediaSources,
        executor: Executor,
        tell: Callable[[int], None],
        retry_refused: bool,
    ) -> None:
        self.workspace = workspace
        self.catalogue = catalogue
        self.sources = sources
        self.executor = executor
        self.tell = tell
        self.retry_refused = retry_refused

    def content(self, modality: str) -> EmbedReport:
        """Vectors of the media themselves."""
        # One thread an encoder call: the executor's workers fill the cores, without waiting for one another.
        encoder = encoder_of(self.workspace, modality, threads=1)
        chosen = configured(self.workspace, modality, encoder)
        folder = chosen.folder(self.workspace.features, modality)
        with ExitStack() as stack:
            table = stack.enter_context(TableWriter(folder, encoder.size, wait=PATIENCE))
            shots = stack.enter_context(ShotWriter(folder, encoder.size)) if modality == "video" else None
            report = embed(
                self.catalogue.scan(),
                table,
                encoder,
                self.sources.inputs(modality),
                executor=self.executor,
                progress=self.tell,
                batch=self.sources.batch(modality),
                retry_refused=self.retry_refused,
                shots=shots,
            )
            if modality == "text":
                _keep_means(table, report)
        switch(self.workspace.features, modality, chosen)
        return report

    def found(self, modality: str) -> EmbedReport:
        """Texts found in the media, and their vectors. The report counts the products whose media were read."""
        encoder = encoder_of(self.workspace, modality, threads=1)
        reader = self.sources.reader(modality, recogniser_of(self.workspace, modality, threads=1))
        chosen = configured(self.workspace, modality, encoder, f"{reader.name}-{reader.version}")
        with FoundTexts(self.workspace.features, modality, chosen.reader, write=True) as kept:
            report = read_media(
                self.catalogue.scan(),
                kept,
                reader,
                executor=self.executor,
                progress=self.tell,
                retry_refused=self.retry_refused,
            )
            inputs, folder = FoundTextInputs(kept), chosen.folder(self.workspace.features, modality)
            with TableWriter(folder, encoder.size, wait=PATIENCE) as table:
                words = embed(
                    inputs.chunks(self.catalogue.scan()), table, encoder, inputs, executor=self.executor,
                    batch=self.workspace.settings.encoders.batch,
                )  # fmt: skip
                _keep_means(table, words)
        switch(self.workspace.features, modality, chosen)
        report.vectors = words.vectors
        report.seconds += words.seconds
        return report


def embed_products(
    workspace: Workspace,
    products: Sequence[Product],
    encoders: Mapping[str, Encoder],
    sources: MediaSources,
    *,
    executor: Executor,
) -> dict[str, EmbedReport]:
    """Encode these products alone, into the tables in use; for those that changed while the shop is open.

    `encoders`: modality → the encoder in use; other modalities wait for the next `embed`. A table that another process
    is writing raises StoreError: that process reads the store and takes the change with it, or the next one does.
    """
    reports: dict[str, EmbedReport] = {}
    for modality, encoder in encoders.items():
        chosen = read_current(workspace.features).get(modality)
        if chosen is None or chosen.version != encoder.version:
            continue
        with TableWriter(chosen.folder(workspace.features, modality), encoder.size) as table:
            table.remove([one.item_id for one in products if not has_media(one, modality)])
            reports[modality] = embed(
                [products], table, encoder, sources.inputs(modality), executor=executor, complete=False
            )
    return reports


def prune_features(workspace: Workspace) -> list[tuple[str, str]]:
    """Delete tables and found texts of encoders that are neither in use, nor configured, nor those of a bundle, and
    fine-tuned networks that no table in use needs.

    Returns (modality, folder) of each; ("models", folder) of a network.
    """
    features = workspace.features
    keep = {(path.parent.name, path.name) for path in _tables_of_bundles(workspace)}
    for modality in modalities_on(workspace):
        if modality not in FOUND:
            encoder = encoder_of(workspace, modality)
            folder = configured(workspace, modality, encoder).folder(features, modality)
            keep.add((modality, folder.name))
    for modality, chosen in read_current(features).items():
        if chosen.reader:
            with FoundTexts(features, modality, chosen.reader, write=True) as kept:
                kept.forget_other_readers()
                kept.commit()
    return [*prune(features, keep), *(("models", name) for name in prune_models(workspace))]


def _tables_of_bundles(workspace: Workspace) -> Iterator[Path]:
    for entry in bundle_pointer.list_bundles(workspace.bundles):
        if entry.problem is None:
            noted = read_manifest(workspace.bundles / entry.version)["extra"].get("encoders", {})
            for modality, version in noted.items():
                if (folder := folder_noted(workspace.features, modality, version)) is not None:
                    yield folder


def found_texts(
    workspace: Workspace, item_ids: Sequence[str], modality: str | None = None
) -> dict[str, tuple[FoundText, ...]]:
    """What was read in the photos ("ocr") and heard in sound and video ("speech") of products, by item_id.

    `modality`: of these alone. Products in whose media nothing was found, or which were never read, are left out.
    """
    current = read_current(workspace.features)
    found: dict[str, tuple[FoundText, ...]] = {}
    for name in FOUND if modality is None else (known_modality(modality),):
        if name in current:
            with FoundTexts(workspace.features, name, current[name].reader) as kept:
                for item_id, texts in kept.texts(item_ids).items():
                    found[item_id] = (*found.get(item_id, ()), *texts)
    return found


def shop_modalities(workspace: Workspace, store: Store, item_ids: Sequence[str]) -> tuple[Modality, ...]:
    """Everything known about the content of products, row by row as in `item_ids`.

    That is each modality that is on, and the attributes. Those leave the price out: the catalogue knows the price of
    today, which for the events that a model learns from and is judged on lies in the future (a clearance price, or a
    price at all, tells what came later).
    """
    tables = [(modality, table_of(workspace, modality)) for modality in modalities_on(workspace)]
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


def _keep_means(table: TableWriter, report: EmbedReport) -> None:
    """Language means of a table of texts, when it changed."""
    changed = report.encoded or report.removed or not (table.folder / MEANS).exists()
    if table.size and changed:
        update_language_means(table)
