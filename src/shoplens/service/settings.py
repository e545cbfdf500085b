"""Every setting, its unit and its default; the only reader of the environment and of shoplens.toml.

Precedence: arguments, then environment (`SHOPLENS_…`, nested with `__`), then `shoplens.toml`, then the defaults here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from shoplens import registry
from shoplens.domain.events import event_weights
from shoplens.domain.sensitive import is_sensitive
from shoplens.errors import ConfigurationError, did_you_mean
from shoplens.service.assistant_settings import AssistantSettings
from shoplens.service.opinion_settings import OpinionSettings
from shoplens.service.scenario_settings import ScenarioSettings
from shoplens.service.search_settings import SearchSettings
from shoplens.service.server_settings import OidcSettings, ServerSettings, TelemetrySettings
from shoplens.service.time_zone import TimeZone

FILE_NAME = "shoplens.toml"
HEAD = "# Settings of this shop. Every setting, its unit and its default: docs/settings.md\n"


class EndpointSettings(BaseModel):
    """A service that speaks OpenAI's `/v1/embeddings`; read by encoders named "endpoint:MODEL"."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = None  # up to and without /embeddings, such as https://api.openai.com/v1
    api_key: SecretStr | None = None  # better in the environment: SHOPLENS_ENCODERS__ENDPOINT__API_KEY
    size: int | None = Field(default=None, ge=1, le=65_536)  # numbers a vector; None: what the model gives
    batch: int = Field(default=64, ge=1, le=2_048)  # texts a request; services refuse more than 2,048
    timeout_seconds: float = Field(default=30.0, gt=0)  # of one request
    retries: int = Field(default=5, ge=0)  # after answers that say "later", or none
    encoding: str = Field(default="float", pattern="^(float|base64)$")  # base64: a third of the bytes
    query_prefix: str = ""  # put before what shoppers type
    product_prefix: str = ""  # put before products' texts


class EncoderSettings(BaseModel):
    """Which encoder reads which modality; names from the registry, or "off".

    A modality that no product has costs nothing, so all are on. One whose optional part is not installed is left out
    by `embed`, which says so.
    """

    model_config = ConfigDict(extra="forbid")

    text: str = "e5-small"
    image: str = "efficientnet-lite0"  # -lite2 recognises a little more, at half the speed
    colour: str = "colour"
    video: str = "frames"
    audio: str = "whisper-base"
    speech: str = "whisper-base"  # what is said in sound and video; its words are read by `text`
    ocr: str = "rapidocr"  # what is written in photos; its words are read by `text`
    precision: str = Field(default="int8", pattern="^(int8|fp32)$")  # int8 is 3× faster at cosine > .99 with fp32
    batch: int = Field(default=64, ge=1)  # texts
    device: str = "auto"  # of hub models and of fine-tuning: cpu, cuda, cuda:1, mps; auto: the accelerator there is
    learning_precision: str = Field(default="auto", pattern="^(auto|float32|bfloat16)$")  # of classifiers, taggers
    endpoint: EndpointSettings = EndpointSettings()


class ImageSettings(BaseModel):
    """Limits on photos from outside."""

    model_config = ConfigDict(extra="forbid")

    max_bytes: int = Field(default=20_000_000, ge=1)
    max_pixels: int = Field(default=50_000_000, ge=1)  # a 50-megapixel camera; more is a decompression bomb
    timeout_seconds: float = Field(default=10.0, gt=0)


class MediaSettings(BaseModel):
    """Limits on videos and sound from outside, and on whatever is uploaded."""

    model_config = ConfigDict(extra="forbid")

    max_bytes: int = Field(default=200_000_000, ge=1)  # of one video or sound file
    max_sound_seconds: float = Field(default=600.0, gt=0)  # of sound that are decoded, from the beginning
    max_frames: int = Field(default=24, ge=1, le=1_000)  # of a video that are looked at, spread over its shots
    decode_seconds: float = Field(default=60.0, gt=0)  # that decoding one file may take; then its process is killed
    memory_mb: int = Field(default=1_024, ge=256)  # that decoding one file may take
    timeout_seconds: float = Field(default=10.0, gt=0)  # of the network, for connecting and between two pieces
    max_upload_mb: float = Field(default=64.0, gt=0)  # body of one request that brings media
    max_files: int = Field(default=20, ge=1, le=1_000)  # of one such request


class TrainSettings(BaseModel):
    """Learning, and a table for each model: [train.fusion], [train.linear], …

    What a table may hold is the model's own business; `learning.model_settings` reads them.
    """

    model_config = ConfigDict(extra="allow")  # the tables

    models: tuple[str, ...] = ("popularity", "item-knn", "linear", "fusion")
    seed: int = 0
    test_days: float = Field(default=28.0, gt=0)  # four weeks: every weekday four times
    valid_days: float = Field(default=28.0, gt=0)
    min_item_events: int = Field(default=1, ge=1)  # products with fewer are treated as new
    max_history: int = Field(default=200, ge=1)  # latest events of a person that a request reads
    repeat: bool = False  # whether products that the person has bought may be recommended
    half_life_days: float | None = Field(default=None, gt=0)  # training events count half after so many days
    newcomers: float | None = Field(default=None, ge=0, le=1)  # share of places that unsold products get; None: fair
    ranker: str = Field(default="auto", pattern="^(auto|on|off)$")  # whether trees order what the blend puts first
    align: bool = True  # whether photos and words are learnt to be compared; minutes, when products or photos changed
    recognise_photos: int = Field(default=1_000, ge=0)  # labelled ones that recognising learns from; 0 = off
    customer_photos: str | None = None  # CSV with photo, product_id: what customers took; in the workspace
    event_weights: dict[str, float] = {}  # event type → what one says, -1 to 1; what is not named keeps its default

    @field_validator("event_weights")
    @classmethod
    def _known_events(cls, given: dict[str, float]) -> dict[str, float]:
        try:
            event_weights(given)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return given

    @model_validator(mode="after")
    def _only_tables_of_models(self) -> Self:
        for name, table in (self.model_extra or {}).items():
            if name not in registry.names("models"):
                raise ValueError(
                    f"there is no setting train.{name}; the tables of models are {', '.join(registry.names('models'))}"
                )
            if not isinstance(table, dict):
                raise ValueError(f"train.{name} is a table of the model's settings, such as [train.{name}]")
        return self

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Model name → its settings, as written."""
        return {name: dict(table) for name, table in (self.model_extra or {}).items()}


class ImpressionSettings(BaseModel):
    """What recommendations showed, and to whom: experiments and attribution read it."""

    model_config = ConfigDict(extra="forbid")

    log: bool = True
    days: float = Field(default=365.0, gt=0)  # for which it is kept
    window_days: float = Field(default=7.0, gt=0)  # after an impression, in which an event that quotes it counts


class ProfileSettings(BaseModel):
    """Profiles of people, and where segments are sent."""

    model_config = ConfigDict(extra="forbid")

    timezone: TimeZone = "UTC"  # of the shop's clock: Europe/Berlin, Asia/Shanghai, …
    horizon_days: float = Field(default=28.0, ge=2)  # who does not come for so long has left; longer for rare purchases
    predict: tuple[str, ...] = ()  # fields of people to predict for those who did not say; sensitive ones never
    hide: tuple[str, ...] = ()  # attributes and categories ("Pharmacy > Tests") that profiles say nothing of
    webhook_url: str | None = None  # where `profile export --webhook` sends segments
    webhook_secret: SecretStr | None = None  # signs what is sent; better: SHOPLENS_PROFILE__WEBHOOK_SECRET
    webhook_private: bool = False  # whether that may be an address in the shop's own network
    webhook_retries: int = Field(default=4, ge=0, le=20)  # after an answer that says "later", or none

    @field_validator("predict")
    @classmethod
    def _never_sensitive(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if is_sensitive(name):
                raise ValueError(f"{name!r} is sensitive: it is never inferred about anybody; take it out")
        return given


class ScheduleSettings(BaseModel):
    """When `shoplens schedule` trains again, what it promotes, and when it takes a bundle back."""

    model_config = ConfigDict(extra="forbid")

    every_hours: float | None = Field(default=24.0, gt=0)  # since the latest training; None: never by the clock
    new_events: float | None = Field(default=0.1, gt=0)  # share of the events there were; None: never by their number
    drift: bool = True  # whether a change in what people click, or in scores, is a reason
    least_hours: float = Field(default=1.0, ge=0)  # between two trainings, whatever the reason
    most_hours: float = Field(default=12.0, gt=0)  # that one training may take; then it is ended
    memory_mb: int | None = Field(default=None, ge=256)  # that one training may take; None: what there is
    window_days: float = Field(default=7.0, gt=0)  # newest days that judge a bundle; it does not learn from them
    least_people: int = Field(default=50, ge=1)  # who bought or liked something in these days, or nothing is promoted
    tolerance: float = Field(default=0.02, ge=0, lt=1)  # share of NDCG that a newer bundle may seem to lose
    rollback: bool = True  # whether a bundle that is clicked less than the one before is taken back
    least_drop: float = Field(default=0.1, ge=0, lt=1)  # share of the click-through rate that must be lost for sure
    settle_minutes: float = Field(default=30.0, gt=0)  # after an answer, in which clicks count for drift and rollback
    look_seconds: float = Field(default=60.0, gt=0)  # between two looks
    keep_bundles: int = Field(default=5, ge=0)  # that answered, the current one included; 0: all of them
    backups: Path = Path("backups")  # where those that are asked for lie; within the workspace, unless absolute
    keep_backups: int = Field(default=3, ge=1)  # of them; older ones are deleted


class Settings(BaseSettings):
    """All settings of one workspace."""

    file: ClassVar[Path | None] = None  # set in a subclass by `read`, so that reading two workspaces never mixes
    model_config = SettingsConfigDict(env_prefix="SHOPLENS_", env_nested_delimiter="__", extra="forbid")

    database_url: SecretStr | None = None  # SQLAlchemy URL; default: SQLite file in the workspace
    model_cache: Path | None = None  # converted pretrained models; default: ~/.cache/shoplens/models
    language: str = Field(default="en", pattern="^(en|zh)$")  # of messages to shoppers
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(default="text", pattern="^(text|json)$")  # of the server; json: one object a line
    server: ServerSettings = ServerSettings()
    oidc: OidcSettings = OidcSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    encoders: EncoderSettings = EncoderSettings()
    images: ImageSettings = ImageSettings()
    media: MediaSettings = MediaSettings()
    train: TrainSettings = TrainSettings()
    search: SearchSettings = SearchSettings()
    impressions: ImpressionSettings = ImpressionSettings()
    profile: ProfileSettings = ProfileSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    scenario: dict[str, ScenarioSettings] = {}  # [scenario.NAME]: a place of the shop that shows products, docs/live.md
    opinions: OpinionSettings = OpinionSettings()
    assistant: AssistantSettings = AssistantSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment above file; the file's path is what `Settings.read` put aside."""
        toml = TomlConfigSettingsSource(settings_cls, cls.file) if cls.file is not None else None
        return tuple(source for source in (init_settings, env_settings, toml) if source is not None)

    @classmethod
    def read(cls, path: Path | None, **overrides: Any) -> Self:
        """Settings from a TOML file (if it exists), the environment and overrides."""

        class FromFile(cls):  # type: ignore[valid-type,misc]
            file: ClassVar[Path | None] = path if path is not None and path.exists() else None

        try:
            return FromFile(**overrides)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            unknown = first["type"] == "extra_forbidden"
            reason = first["msg"]
            if unknown:
                near = did_you_mean(str(first["loc"][-1]), _names_in(cls, first["loc"][:-1]))
                reason = f"there is no such setting; {near}docs/settings.md has all of them"
            raise ConfigurationError(f"{path or 'settings'}: {where}: {reason}") from error


def _names_in(model: type[BaseModel], where: Sequence[int | str]) -> Collection[str]:
    """The settings that there are in a table."""
    for name in where:
        kind = model.model_fields[str(name)].annotation if str(name) in model.model_fields else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return ()
        model = kind
    return model.model_fields.keys()


def without_secrets(written: dict[str, Any], model: type[BaseModel] = Settings) -> dict[str, Any]:
    """Settings as a file has them, less whatever a secret is in: passwords, keys, the address of the database."""
    kept = {}
    for name, value in written.items():
        field = model.model_fields.get(name)
        kind = field.annotation if field is not None else None
        if "SecretStr" in str(kind):
            continue
        nested = isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, BaseModel)
        kept[name] = without_secrets(value, kind) if nested else value  # type: ignore[arg-type]
    return kept
