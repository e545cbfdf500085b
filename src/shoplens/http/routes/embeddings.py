"""POST /v1/embeddings: texts as OpenAI's clients send them; photos, sound and video as a form."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from starlette.datastructures import UploadFile

from shoplens.errors import InputError
from shoplens.http.keys import needs
from shoplens.http.multipart import described_form, files_schema, form_parts, is_form
from shoplens.http.routes.sent_media import saved_part
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.embeddings import MOST_TEXTS, EmbeddingOut, EmbeddingsAnswer, EmbeddingsIn, Encoding, Usage
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service.loose_media import MODALITY, READ_AS, Part, Seen
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["embeddings"], responses=PROBLEMS)
JSON = TypeAdapter(EmbeddingsIn)
AT_ONCE = 2  # requests that encode at the same time; more wait, and other requests go on
_encoding = CapacityLimiter(AT_ONCE)

FILES = {"image": "Photos.", "video": "Videos.", "audio": "Sound.", "file": "Any of these; the content tells which."}
OPTIONS: dict[str, dict[str, Any]] = {
    "model": {
        "type": "string",
        "description": "As what parts are read. Photos: image (default), colour, ocr (the words written in them). "
        "Videos: video (default), audio, speech (the words said in them). Sound: audio (default), speech.",
    },
    "encoding_format": {"type": "string", "enum": ["float", "base64"]},
    "input_type": {"type": "string", "enum": ["document", "query"]},
    "space": {"type": "string", "enum": ["encoder", "shop", "shared"]},
    "words": {"type": "string", "enum": ["true", "false"], "description": "Also find the words in media."},
}
NOTHING = {"ocr": "nothing is written in it", "speech": "nothing is said in it", "audio": "it has no sound"}
FORM = {
    "text": {"type": "array", "items": {"type": "string"}, "description": "Texts."},
    **{name: files_schema(what) for name, what in FILES.items()},
    **OPTIONS,
}
BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/EmbeddingsIn"},
            "examples": {
                "one": {"value": {"input": "red kettle"}},
                "several": {"value": {"input": ["red kettle", "红色水壶"], "encoding_format": "base64"}},
            },
        },
        "multipart/form-data": described_form(FORM),
    },
}


@router.post(
    "/v1/embeddings",
    response_model=EmbeddingsAnswer,
    response_model_exclude_none=True,
    dependencies=[needs("read", "analysis")],
    openapi_extra={"requestBody": BODY},
)
async def post_embeddings(request: Request, shop: Shop) -> Response:
    """Vectors of texts (JSON, as OpenAI's clients send them) or of texts, photos, sound and videos (a form).

    Each text and file of a form gets one vector, in the order of the form. A video also has one for each shot, with its
    times, a photo the names of its colours; with `words` the answer tells what is written in photos and said in sound
    and video.
    """
    if not is_form(request):
        asked = read_body(await request.body(), JSON)
        answer = await to_thread.run_sync(_texts, shop, asked, limiter=_encoding)
        return json_response(answer.model_dump_json(exclude_none=True).encode())
    known = {"text": "text", **dict.fromkeys(FILES, "file"), **dict.fromkeys(OPTIONS, "text")}
    async with form_parts(request, known, max_files=shop.settings.media.max_files) as parts:
        answer = await to_thread.run_sync(_form, shop, parts, limiter=_encoding)
    return json_response(answer.model_dump_json(exclude_none=True).encode())


def _texts(shop: Runtime, asked: EmbeddingsIn) -> EmbeddingsAnswer:
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    encoder = shop.loose_media.encoder("text")
    if asked.model not in ("text", encoder.name, shop.settings.encoders.text):
        raise InputError(f"model: there is no {asked.model!r} here; send text, or {encoder.name}")
    if asked.dimensions not in (None, encoder.size):
        raise InputError(f"dimensions: {encoder.name} makes vectors of {encoder.size} numbers, no others")
    parts = [Part("text", text) for text in texts]
    seen = shop.loose_media.see(parts, [("text",)] * len(parts), query=asked.input_type == "query", space=asked.space)
    data = [
        EmbeddingOut.of(index, one, "text", asked.encoding_format, words=False).model_copy(
            update={"modality": None, "model": None}
        )
        for index, one in enumerate(seen)
    ]
    return EmbeddingsAnswer(data=data, model=seen[0].encoders["text"], usage=_usage(seen))


def _form(shop: Runtime, sent: list[tuple[str, str | UploadFile]]) -> EmbeddingsAnswer:
    """Parts of a form; files are copied to a folder of their own for as long as this takes."""
    options = _options(sent)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoplens-parts-")))
        parts: list[Part] = []
        for field, value in sent:
            if isinstance(value, UploadFile):
                parts.append(saved_part(shop, folder / str(len(parts)), field, value, len(parts)))
            elif field == "text":
                parts.append(Part("text", _text(value, len(parts))))
        if not parts:
            raise InputError(f"the form has no part to encode; send text, {', '.join(FILES)}")
        if len(parts) > MOST_TEXTS:
            raise InputError(f"a form has at most {MOST_TEXTS} parts")
        if options.get("space") == "shared" and "model" in options:
            raise InputError("model: the shared space chooses what it reads; leave it out")
        if "model" in options and any(part.kind == "text" for part in parts):
            _check_model(shop, options["model"])
        main = [_modality(part, options.get("model")) for part in parts]
        words = options.get("words") == "true"
        finders = shop.loose_media.readers() if words else ()
        wanted = [
            {name, *(one for one in finders if one in READ_AS[part.kind])}
            for name, part in zip(main, parts, strict=True)
        ]
        seen = shop.loose_media.see(
            parts, wanted, query=options.get("input_type") == "query", space=options.get("space", "encoder"),
            colours=True,
        )  # fmt: skip
    for part, one, name in zip(parts, seen, main, strict=True):
        if name not in one.vectors:
            raise InputError(f"{part.name}: {NOTHING[name]}")
    encoding = cast("Encoding", options.get("encoding_format", "float"))
    data = [
        EmbeddingOut.of(index, one, name, encoding, words=words)
        for index, (one, name) in enumerate(zip(seen, main, strict=True))
    ]
    encoders = dict.fromkeys(one.encoders[name] for one, name in zip(seen, main, strict=True))
    return EmbeddingsAnswer(data=data, model=", ".join(encoders), usage=_usage(seen))


def _options(sent: list[tuple[str, str | UploadFile]]) -> dict[str, str]:
    options: dict[str, str] = {}
    for field, value in sent:
        if field in OPTIONS:
            known = OPTIONS[field].get("enum")
            if field in options or (known is not None and value not in known):
                raise InputError(f"{field}: send it once, as {' or '.join(known or ['text'])}")
            options[field] = str(value)
    return options


def _text(value: str, number: int) -> str:
    if not value or "\0" in value:
        raise InputError(f"text[{number}]: a text has at least one character and no NUL")
    return value


def _check_model(shop: Runtime, model: str) -> None:
    """InputError for what reads no part at all: texts would be read whatever it says."""
    media = {name for kind, names in READ_AS.items() if kind != "text" for name in names}
    text = shop.loose_media.encoder("text").name
    if model not in {*media, "text", text, shop.settings.encoders.text}:
        raise InputError(f"model: there is no {model!r} here; send text, {text}, or {' or '.join(sorted(media))}")


def _modality(part: Part, model: str | None) -> str:
    """What a part is encoded as: its own kind, or what `model` says of photos."""
    if model is None or part.kind == "text":
        return MODALITY[part.kind]
    if model in READ_AS[part.kind]:
        return model
    raise InputError(f"model: {part.name} is {part.kind}, which {model!r} does not read; leave it out")


def _usage(seen: list[Seen]) -> Usage:
    tokens = sum(one.tokens for one in seen)
    return Usage(prompt_tokens=tokens, total_tokens=tokens)
