"""Content vectors of products that came after training, from the feature tables as they are now."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from shoplens.domain.dataset import Modality
from shoplens.errors import ShoplensError
from shoplens.features.modalities import assemble
from shoplens.service.embedding import MODALITIES, table_of
from shoplens.service.settings import Workspace

log = logging.getLogger(__name__)


class FeatureContents:
    """Reads what `shoplens embed` wrote; a product that has not been embedded yet is simply absent."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, item_ids: Sequence[str]) -> tuple[Modality, ...]:
        """See `recommend.newcomers.Contents`. Empty without any table: then category and brand decide."""
        if not self.stamp():
            return ()
        try:
            return assemble([(name, table_of(self._workspace, name)) for name in MODALITIES], item_ids)
        except (ShoplensError, OSError) as error:
            log.warning("vectors of new products cannot be read: %s", error)
            return ()

    def stamp(self) -> float:
        """Changes when something was embedded: seconds since 1970 of the latest write, 0 before the first."""
        folder = self._workspace.features
        return max((one.stat().st_mtime for one in folder.rglob("*") if one.is_file()), default=0.0)
