"""Content vectors of products that came after training, from the feature tables as they are now."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from shoplens.domain.dataset import Modality
from shoplens.errors import ShoplensError
from shoplens.features.current import FILE_NAME, folder_noted
from shoplens.features.modalities import assemble
from shoplens.features.table import INDEX, FeatureTable
from shoplens.service import bundle_pointer
from shoplens.service.bundle import read_manifest
from shoplens.service.encoders import MODALITIES, modalities_on, table_of
from shoplens.service.workspace import Workspace

log = logging.getLogger(__name__)


class FeatureContents:
    """Reads what `shoplens embed` wrote; a product that has not been embedded yet is simply absent.

    Vectors are those of the encoders that the answering bundle was trained on, also after `embed` has switched to
    others: two spaces are never compared.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, item_ids: Sequence[str]) -> tuple[Modality, ...]:
        """See `recommend.newcomers.Contents`. Empty without any table: then category and brand decide."""
        if not self.stamp():
            return ()
        try:
            return assemble(self._tables(), item_ids)
        except (ShoplensError, OSError) as error:
            log.warning("vectors of new products cannot be read: %s", error)
            return ()

    def stamp(self) -> float:
        """Changes when something was embedded: seconds since 1970 of the latest write, 0 before the first."""
        folder = self._workspace.features
        written = [folder / FILE_NAME, *folder.glob(f"*/*/{INDEX}")]
        return max((one.stat().st_mtime for one in written if one.is_file()), default=0.0)

    def _tables(self) -> Iterator[tuple[str, FeatureTable]]:
        """Tables of the bundle that answers; those in use before there is one, or when it does not say."""
        version = bundle_pointer.current_version(self._workspace.bundles)
        trained = read_manifest(self._workspace.bundles / version)["extra"].get("encoders") if version else None
        for modality in MODALITIES if trained else modalities_on(self._workspace):
            if not trained:
                yield modality, table_of(self._workspace, modality)
            elif modality in trained:
                folder = folder_noted(self._workspace.features, modality, trained[modality])
                if folder is not None:
                    yield modality, FeatureTable(folder)
