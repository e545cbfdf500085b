"""Photos, videos and sound that somebody uploads: decoded before they are kept, then kept by the hash of their content.

A file lives at `media/ab/ab…ef.jpg` in the workspace: its name says nothing that the sender chose, the same content is
there once, and products name it like any other file. What no product names any longer goes with `embed --prune`.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from filelock import FileLock

from shoplens.domain.catalogue import Product
from shoplens.errors import InputError, NotFoundError, UnsafeInputError
from shoplens.service.file_facts import FileFacts, look_at
from shoplens.service.media_sources import MediaSources
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

MOST_MEDIA = 100  # of one kind and product, as over JSON
LINK = re.compile(r"^media/([0-9a-f]{2})/(\1[0-9a-f]{62})\.([a-z0-9]{2,5})$")
COMING = ".coming-"  # begins the name of a file that is still being written
SLICE = 1 << 20  # bytes copied at a time
SAFE_AGE = 3_600.0  # seconds for which a file that no product names is kept: its request may still be on its way


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in."""

    name: str  # the sender's, for messages only
    stream: BinaryIO
    wanted: str | None = None  # image, video or audio, when the sender said so


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was kept."""

    link: str  # as the product names it
    facts: FileFacts


def keep_media(workspace: Workspace, sources: MediaSources, uploads: Sequence[Upload]) -> list[Stored]:
    """Check files and keep them; no product names them yet.

    The first one that cannot be used raises InputError or UnsafeInputError with its name.
    """
    return [_keep(workspace, sources, upload) for upload in uploads]


def with_media(product: Product, stored: Sequence[Stored]) -> Product:
    """The product with these files appended to its media; InputError when they are too many."""
    images, videos, audio = (
        tuple(dict.fromkeys([*links, *(one.link for one in stored if one.facts.kind == kind)]))
        for kind, links in _links(product).items()
    )
    if max(len(images), len(videos), len(audio)) > MOST_MEDIA:
        raise InputError(f"a product has at most {MOST_MEDIA} photos, videos and sounds each; delete some first")
    return replace(product, images=images, videos=videos, audio=audio)


def without_media(product: Product, name: str) -> Product:
    """The product without what was uploaded under this name; NotFoundError when it has no such media."""
    images, videos, audio = (
        tuple(link for link in links if not (LINK.match(link) and link.rpartition("/")[2] == name))
        for links in _links(product).values()
    )
    changed = replace(product, images=images, videos=videos, audio=audio)
    if changed == product:
        raise NotFoundError(f"product {product.item_id!r} has no media named {name!r}")
    return changed


def media_of(workspace: Workspace, product: Product) -> Iterator[tuple[str, str, Path | None]]:
    """Kind, link and (of what was uploaded) file of all media of a product, in its own order."""
    for kind, links in _links(product).items():
        for link in links:
            yield kind, link, workspace.root / link if LINK.match(link) else None


@contextmanager
def one_change(workspace: Workspace) -> Iterator[None]:
    """Reading a product, changing its media and putting it back: one process at a time."""
    workspace.media.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.media / ".change.lock"):
        yield


def prune_media(workspace: Workspace, products: Iterable[Sequence[Product]]) -> int:
    """Delete uploaded files that none of `products` (the whole catalogue) names; returns how many."""
    named = {link for chunk in products for product in chunk for links in _links(product).values() for link in links}
    gone = 0
    # Beside what is kept: what a process was writing when it was killed.
    for file in [*workspace.media.glob("??/*"), *workspace.media.glob(f"{COMING}*")]:
        young = time.time() - file.stat().st_mtime < SAFE_AGE
        if not young and file.relative_to(workspace.root).as_posix() not in named:
            file.unlink(missing_ok=True)
            gone += 1
    return gone


def _keep(workspace: Workspace, sources: MediaSources, upload: Upload) -> Stored:
    """Copy, look, then give it its final name in one rename."""
    workspace.media.mkdir(parents=True, exist_ok=True)
    most = workspace.settings.media.max_bytes
    digest, size = hashlib.sha256(), 0
    with NamedTemporaryFile(dir=workspace.media, prefix=COMING, delete=False) as file:
        partial = Path(file.name)
        try:
            while piece := upload.stream.read(SLICE):
                size += len(piece)
                if size > most:
                    raise UnsafeInputError(f"{upload.name}: refused, larger than {most:,} bytes")
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            facts = look_at(sources, partial, upload.name)
            if upload.wanted not in (None, facts.kind):
                raise InputError(f"{upload.name}: sent as {upload.wanted}, but it is {facts.kind}")
            name = digest.hexdigest()
            final = workspace.media / name[:2] / f"{name}.{facts.extension}"
            final.parent.mkdir(exist_ok=True)
            partial.chmod(0o644)
            partial.replace(final)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return Stored(final.relative_to(workspace.root).as_posix(), facts)


def known_product(store: Store, item_id: str) -> Product:
    """The product of this id; NotFoundError when there is none."""
    found = store.catalogue.get([item_id]).get(item_id)
    if found is None:
        raise NotFoundError(f"no product {item_id!r}")
    return found


def _links(product: Product) -> dict[str, tuple[str, ...]]:
    """Kind of media → what the product names."""
    return {"image": product.images, "video": product.videos, "audio": product.audio}
