"""Photos, videos and sound that come with a request, and the options beside them in the same form."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter
from starlette.datastructures import UploadFile

from shoplens.errors import InputError
from shoplens.http.multipart import files_schema, shown_name
from shoplens.http.routes.shop import read_values
from shoplens.service.file_facts import kind_at
from shoplens.service.loose_media import Part, parse_box
from shoplens.service.runtime import Runtime

Sent: TypeAlias = Sequence[tuple[str, str | UploadFile]]  # a form, part by part
Body = TypeVar("Body", bound=BaseModel)

#: Fields of files that a question may bring, in OpenAPI's words.
FILES: dict[str, dict[str, Any]] = {
    "image": files_schema("Photos of what is looked for."),
    "audio": files_schema("The question as it was spoken, or another sound."),
    "video": files_schema("Short videos in which it is seen."),
    "file": files_schema("Any of these; the content tells which."),
}
CROP: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What to look at in the photos, one box each in their order: left, top, right, bottom as shares of "
    "width and height, joined by commas.",
    "examples": [["0.25,0,0.75,1"]],
}


def described_question(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """OpenAPI's description of a form that says what `model` says and brings media."""
    fields: dict[str, Any] = model.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    return {**FILES, "crop": CROP, **fields}


def known_fields(model: type[BaseModel]) -> dict[str, str]:
    """Field → file or text, as `multipart.form_parts` wants it."""
    return {**dict.fromkeys(FILES, "file"), "crop": "text", **dict.fromkeys(model.model_fields, "text")}


def read_options(sent: Sent, adapter: TypeAdapter[Body], *, lists: Collection[str], objects: Collection[str]) -> Body:
    """The texts of a form as a request. `lists` may be sent several times, `objects` are JSON; what is empty is absent.

    RequestValidationError as for a body of JSON, InputError for a field that was sent twice.
    """
    given: dict[str, Any] = {}
    for field, value in sent:
        if isinstance(value, UploadFile) or field == "crop" or not value:
            continue
        if field in lists:
            given.setdefault(field, []).append(value)
        elif field in given:
            raise InputError(f"{field}: send it once")
        else:
            given[field] = _object(field, value) if field in objects else value
    return read_values(given, adapter)


@contextmanager
def media_parts(shop: Runtime, sent: Sent) -> Iterator[list[Part]]:
    """The files of a form, in its order, in a folder of their own for as long as the block takes.

    InputError when one is not what it was sent as, when a crop is no box, or when there are more crops than photos.
    """
    crops = [parse_box(value) for field, value in sent if field == "crop" and isinstance(value, str)]
    with tempfile.TemporaryDirectory(prefix="shoplens-parts-") as folder:
        parts: list[Part] = []
        for field, file in sent:
            if isinstance(file, UploadFile):
                part = saved_part(shop, Path(folder) / f"{field}-{len(parts)}", field, file, len(parts))
                if part.kind == "image" and crops:
                    part = Part(part.kind, part.content, part.name, crops.pop(0))
                parts.append(part)
        if crops:
            raise InputError("crop: there are more boxes than photos; send one a photo at most")
        yield parts


def saved_part(shop: Runtime, path: Path, field: str, file: UploadFile, number: int) -> Part:
    """A file on disk and what it turns out to be; InputError when it was sent as something else."""
    name = shown_name(field, number, file)
    with path.open("wb") as copy:
        while piece := file.file.read(1 << 20):
            copy.write(piece)
    kind = kind_at(shop.media, path, name)
    if field not in ("file", kind):
        raise InputError(f"{name}: sent as {field}, but it is {kind}")
    return Part(kind, path, name)


def _object(field: str, value: str) -> Any:
    try:
        return orjson.loads(value)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise InputError(f"{field}: it is not JSON ({error})") from error
