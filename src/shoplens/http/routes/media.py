"""Photos, videos and sound of products: upload, list, fetch, take away.

Where the id of a product ends in `/media`, GET of the product itself is read as the list of another's media.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse

from shoplens.errors import InputError, NotFoundError
from shoplens.http.keys import needs
from shoplens.http.multipart import described_form, files_schema, form_parts, shown_name
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.media import MediaAnswer, MediaOut
from shoplens.service.file_facts import MEDIA_TYPES
from shoplens.service.uploads import Upload, known_product, media_of

router = APIRouter(tags=["products"], responses=PROBLEMS)
FIELDS = {
    "image": files_schema("Photos: JPEG, PNG, WebP, GIF, AVIF, TIFF, BMP. The first one shows the product."),
    "video": files_schema("Videos: MP4, WebM and what else phones and shops make."),
    "audio": files_schema("Sound: WAV, MP3, M4A, FLAC, Ogg."),
    "file": files_schema("Any of these; its content tells which."),
}
AT_ONCE = 2  # uploads that are decoded at the same time; more wait, and other requests go on

_decoding = CapacityLimiter(AT_ONCE)


@router.post(
    "/v1/products/{item_id:id}/media",
    status_code=201,
    response_model_exclude_none=True,
    dependencies=[needs("write", "catalogue")],
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": described_form(FIELDS)}}},
)
async def post_media(item_id: Id, request: Request, shop: Shop) -> MediaAnswer:
    """Append files to a product's media. Each is decoded before it is kept; one that cannot be used refuses them all.

    Photos are encoded in the background, within seconds where `shoplens embed` has run before; videos and sound by the
    next `shoplens embed`. Names that the sender gave are not kept: the same content has the same name everywhere.
    """
    known = dict.fromkeys(FIELDS, "file")
    async with form_parts(request, known, max_files=shop.settings.media.max_files) as parts:
        uploads = [
            Upload(shown_name(field, number, part), part.file, None if field == "file" else field)
            for number, (field, part) in enumerate(parts)
            if isinstance(part, UploadFile)
        ]
        if not uploads:
            raise InputError(f"the form has no file; send at least one as {', '.join(FIELDS)}")
        stored = await to_thread.run_sync(shop.add_media, item_id, uploads, limiter=_decoding)
    return MediaAnswer(item_id=item_id, media=[MediaOut.of_stored(item_id, one) for one in stored])


@router.get(
    "/v1/products/{item_id:id}/media",
    response_model_exclude_none=True,
    dependencies=[needs("read", "shop", "catalogue")],
)
async def get_media(item_id: Id, shop: Shop) -> MediaAnswer:
    """All media of a product, in its own order."""

    def look() -> list[MediaOut]:
        product = known_product(shop.store, item_id)
        return [MediaOut.of(item_id, *one) for one in media_of(shop.workspace, product)]

    return MediaAnswer(item_id=item_id, media=await run_in_threadpool(look))


@router.get(
    "/v1/products/{item_id:id}/media/{name}",
    dependencies=[needs("read", "shop", "catalogue")],
    response_class=FileResponse,
    responses={200: {"content": {"image/*": {}, "video/*": {}, "audio/*": {}}, "description": "The file."}},
)
async def get_media_file(item_id: Id, name: Id, shop: Shop) -> Response:
    """An uploaded file, as it was sent."""

    def look() -> FileResponse:
        for _, _, file in media_of(shop.workspace, known_product(shop.store, item_id)):
            if file is not None and file.name == name and file.is_file():
                return FileResponse(file, media_type=MEDIA_TYPES.get(file.suffix[1:], "application/octet-stream"))
        raise NotFoundError(f"product {item_id!r} has no media named {name!r}")

    return await run_in_threadpool(look)


@router.delete("/v1/products/{item_id:id}/media/{name}", status_code=204, dependencies=[needs("write", "catalogue")])
async def delete_media(item_id: Id, name: Id, shop: Shop) -> Response:
    """Take an uploaded file out of a product's media. The file itself goes with `shoplens embed --prune`."""
    await run_in_threadpool(shop.delete_media, item_id, name)
    return Response(status_code=204)
