"""Photos, videos and sound of products over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from shoplens.service.file_facts import MEDIA_TYPES
from shoplens.service.uploads import Stored

MediaKind = Literal["image", "video", "audio"]


class MediaOut(BaseModel):
    """One photo, video or sound of a product."""

    kind: MediaKind
    link: str = Field(description="As the product names it: an address, or media/… for what was uploaded.")
    name: str | None = Field(default=None, description="Of what was uploaded; DELETE takes it.")
    path: str | None = Field(default=None, description="Where GET gives the file, for what was uploaded.")
    bytes: int | None = None
    media_type: str | None = None
    width: int | None = Field(default=None, description="Pixels, as stored.")
    height: int | None = None
    seconds: float | None = Field(default=None, description="Length of sound and video.")

    @classmethod
    def of(cls, item_id: str, kind: str, link: str, file: Path | None) -> MediaOut:
        """From what the product names."""
        if file is None:
            return cls.model_validate({"kind": kind, "link": link})
        size = file.stat().st_size if file.is_file() else None
        return cls.model_validate({
            "kind": kind, "link": link, "name": file.name, "path": path_of(item_id, file.name), "bytes": size,
            "media_type": MEDIA_TYPES.get(file.suffix[1:]),
        })  # fmt: skip

    @classmethod
    def of_stored(cls, item_id: str, stored: Stored) -> MediaOut:
        """From what was kept just now."""
        facts, name = stored.facts, stored.link.rpartition("/")[2]
        return cls.model_validate({
            "kind": facts.kind, "link": stored.link, "name": name, "path": path_of(item_id, name),
            "bytes": facts.bytes, "media_type": facts.media_type, "width": facts.width, "height": facts.height,
            "seconds": facts.seconds,
        })  # fmt: skip


class MediaAnswer(BaseModel):
    """Media of one product, in its own order: photos, videos, sound."""

    item_id: str
    media: list[MediaOut]


def path_of(item_id: str, name: str) -> str:
    """Path of an uploaded file in this API."""
    return f"/v1/products/{quote(item_id, safe='/')}/media/{name}"
