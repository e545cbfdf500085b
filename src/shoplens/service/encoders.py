"""Settings → encoders and the tables of their vectors: which there are, which is configured, which is in use.

The configured encoder is what the settings name; `embed` fills its table. The one in use is that of the last complete
table (`features.current`): training, search and answers read it, so that changing a setting never mixes two spaces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import Encoder, EncoderOptions, EndpointOptions, open_encoder
from shoplens.errors import ConfigurationError
from shoplens.features.current import InUse, read_current
from shoplens.features.table import FeatureTable
from shoplens.registry import find
from shoplens.service.finetuned import read_tuned
from shoplens.service.settings import EndpointSettings
from shoplens.service.workspace import Workspace

OFF = "off"
FOLDERS = ("hub", "whisper")  # kinds of encoders whose parameter may be a folder

#: Modalities that vectors are kept of, in the order in which they are embedded.
MODALITIES = ("text", "image", "colour", "video", "audio", "ocr", "speech")

#: Those whose words are found in media first, and then read by the encoder of texts.
FOUND = ("ocr", "speech")

#: What a product needs to have one.
_HAS: dict[str, Callable[[Product], bool]] = {
    "text": lambda product: bool(product.text),
    "image": lambda product: bool(product.images),
    "colour": lambda product: bool(product.images),
    "ocr": lambda product: bool(product.images),
    "video": lambda product: bool(product.videos),
    "audio": lambda product: bool(product.audio or product.videos),
    "speech": lambda product: bool(product.audio or product.videos),
}

#: The same in words.
MEDIA = {
    "text": "a text", "image": "a photo", "colour": "a photo", "ocr": "a photo", "video": "a video",
    "audio": "sound or video", "speech": "sound or video",
}  # fmt: skip


def has_media(product: Product, modality: str) -> bool:
    """Whether a product has something of this modality."""
    return _HAS[modality](product)


def known_modality(modality: str) -> str:
    """The same name; ConfigurationError with the known ones when there is no such modality."""
    if modality not in MODALITIES:
        raise ConfigurationError(f"no modality {modality!r}; known: {', '.join(MODALITIES)}")
    return modality


def setting_of(workspace: Workspace, modality: str) -> str:
    """What `encoders.<modality>` says: a name, or "off"."""
    name: str = getattr(workspace.settings.encoders, known_modality(modality))
    return name


def name_of(workspace: Workspace, modality: str) -> str:
    """Name under which the configured encoder opens: the setting, or what was fine-tuned from it and stands in."""
    setting = setting_of(workspace, modality)
    tuned = read_tuned(workspace.models).get(modality)
    return tuned.name if tuned is not None and tuned.base == setting and tuned.name else setting


def modalities_on(workspace: Workspace) -> tuple[str, ...]:
    """Modalities that are not switched off; words that are found need an encoder of texts."""
    off = {name for name in MODALITIES if setting_of(workspace, name) == OFF}
    return tuple(name for name in MODALITIES if name not in off and not (name in FOUND and "text" in off))


def options_of(workspace: Workspace, modality: str, *, threads: int | None = None) -> EncoderOptions:
    """What the settings say to an encoder that opens."""
    encoders = workspace.settings.encoders
    options = EncoderOptions(
        workspace.model_cache,
        precision=encoders.precision,
        threads=threads,
        modality="text" if modality in FOUND else modality,
        device=encoders.device,
        endpoint=_endpoint(encoders.endpoint),
        models=workspace.models,
    )
    return options if encoders.image == OFF else replace(options, photo=_placed(workspace, name_of(workspace, "image")))


def encoder_of(workspace: Workspace, modality: str, *, threads: int | None = None) -> Encoder:
    """The configured encoder of a modality; the found texts of "ocr" and "speech" are read by that of texts.

    It loads when it is first used. ConfigurationError when the modality is off or its encoder reads another one.
    """
    name = name_of(workspace, "text" if modality in FOUND else modality)
    if OFF in (name, setting_of(workspace, modality)):
        wanted = "text" if name == OFF and modality in FOUND else modality
        raise ConfigurationError(f"encoders.{wanted} is off; name an encoder in shoplens.toml")
    return _opened(workspace, name, modality, options_of(workspace, modality, threads=threads))


def encoder_in_use(workspace: Workspace, modality: str, *, threads: int | None = None) -> Encoder:
    """The encoder that made the vectors that `table_of` reads, for queries that are compared with them.

    Without a complete table it is the configured one. ConfigurationError when the table was made by a version that is
    no longer installed.
    """
    chosen = read_current(workspace.features).get(known_modality(modality))
    if chosen is None:
        return encoder_of(workspace, modality, threads=threads)
    options = replace(options_of(workspace, modality, threads=threads), precision=chosen.precision)
    options = replace(options, photo=_placed(workspace, chosen.photo)) if chosen.photo else options
    encoder = _opened(workspace, chosen.setting, modality, options)
    if encoder.version != chosen.version:
        raise ConfigurationError(
            f"the vectors of {modality} were made by {chosen.name} {chosen.version}, installed is {encoder.version}; "
            "run: shoplens embed"
        )
    return encoder


def configured(workspace: Workspace, modality: str, encoder: Encoder, reader: str = "") -> InUse:
    """The table that `embed` fills by the settings: `encoder` is that of `encoder_of`, `reader` what found texts."""
    setting = name_of(workspace, "text" if modality in FOUND else modality)
    precision = workspace.settings.encoders.precision
    photo = "" if modality != "video" else name_of(workspace, "image")
    photo = options_of(workspace, modality).photo if photo == OFF else photo
    return InUse(setting, precision, encoder.name, encoder.version, reader, photo)


def recogniser_of(workspace: Workspace, modality: str, *, threads: int | None = None) -> Any:
    """What finds the words of "ocr" or "speech" as the settings name it; it loads when it is first used."""
    name = setting_of(workspace, modality)
    if name == OFF:
        raise ConfigurationError(f"encoders.{modality} is off; name what finds the words in shoplens.toml")
    options = options_of(workspace, modality, threads=threads)
    kind, colon, model = _placed(workspace, name).partition(":")
    recogniser = find("recognisers", kind + colon).open(replace(options, model=model.strip()))
    if recogniser.modality != modality:
        raise ConfigurationError(
            f"encoders.{modality} = {name!r} finds words of {recogniser.modality}; choose another in shoplens.toml"
        )
    return recogniser


def table_of(workspace: Workspace, modality: str) -> FeatureTable:
    """Vectors of a modality to read; empty when there are none yet.

    The last complete table. Before the first is complete, what the configured encoder has made so far.
    """
    folder = workspace.features / known_modality(modality)
    chosen = read_current(workspace.features).get(modality)
    if chosen is not None and chosen.folder(workspace.features, modality).is_dir():
        return FeatureTable(chosen.folder(workspace.features, modality))
    if not folder.is_dir() or modality in FOUND or setting_of(workspace, modality) == OFF:
        return FeatureTable(folder / "none")
    encoder = encoder_of(workspace, modality)
    return FeatureTable.open(workspace.features, modality, encoder.name, encoder.version)


def version_of(workspace: Workspace, modality: str) -> str:
    """Encoder and version of the vectors that `table_of` reads, as bundles note them."""
    chosen = read_current(workspace.features).get(modality)
    return (chosen or configured(workspace, modality, encoder_of(workspace, modality))).noted


def _placed(workspace: Workspace, name: str) -> str:
    """A model's folder in the settings is relative to the workspace, wherever the command runs; the rest as it is."""
    kind, _, model = name.partition(":")
    folder = workspace.root.absolute() / model.strip()
    return f"{kind}:{folder}" if kind in FOLDERS and model.strip() and folder.is_dir() else name


def _opened(workspace: Workspace, name: str, modality: str, options: EncoderOptions) -> Encoder:
    encoder = open_encoder(_placed(workspace, name), options)
    wanted = "text" if modality in FOUND else modality
    if encoder.modality != wanted:
        raise ConfigurationError(
            f"encoders.{wanted} = {name!r} reads {encoder.modality}, not {wanted}; choose another in shoplens.toml"
        )
    return encoder


def _endpoint(settings: EndpointSettings) -> EndpointOptions | None:
    if settings.url is None:
        return None
    key = settings.api_key
    return EndpointOptions(
        settings.url,
        api_key=None if key is None else key.get_secret_value(),
        size=settings.size,
        batch=settings.batch,
        timeout_seconds=settings.timeout_seconds,
        retries=settings.retries,
        encoding=settings.encoding,
        query_prefix=settings.query_prefix,
        product_prefix=settings.product_prefix,
    )
