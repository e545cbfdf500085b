"""Settings of the opinion monitor; read with all others by `service.settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shoplens.service.delivery_settings import EmailSettings, WebhookSettings
from shoplens.service.time_zone import TimeZone


class OpinionSettings(BaseModel):
    """What people say in public: what it is counted by, and when somebody is told."""

    model_config = ConfigDict(extra="forbid")

    timezone: TimeZone = "UTC"  # of the shop's clock, by which hours, weekdays and days are told apart
    window_minutes: Literal[5, 10, 15, 20, 30, 60] = 15  # a shorter one is judged sooner, a longer one less often
    alarms_per_year: float = Field(default=1.0, gt=0, le=365)  # false ones of all series together
    memory_days: float = Field(default=21.0, ge=1)  # half-life of what is usual
    late_minutes: float = Field(default=10.0, ge=0)  # for which a window stays open after its end
    cooldown_hours: float = Field(default=12.0, ge=0)  # in which the same surge opens no new alert
    deliver_hours: float = Field(default=24.0, ge=0)  # alerts about older events are kept, nobody is told
    days: float = Field(default=365.0, gt=0)  # for which posts are kept; counts and alerts stay
    vectors: bool = True  # whether tone and topic are read by vectors of texts; off: by words, many times as fast
    topics: dict[str, list[str]] = {}  # topic → phrases that describe it; empty: those that shops usually need
    aspects: dict[str, list[str]] = {}  # aspect → words, added to the built-in ones
    names: dict[str, list[str]] = {}  # "company/Acme" or "person/Ann Lee" → other spellings
    tagger: str = ""  # a model of `shoplens entities train` that finds more names in posts, people say; "": none
    product_days: float = Field(default=90.0, gt=0)  # that a product's page and the ranking look back
    ranking: float = Field(default=0.0, ge=0, le=2)  # standard deviations that a product all blame is lowered by
    feed_minutes: float = Field(default=5.0, gt=0)  # between two looks at an RSS or Atom feed
    requests: int = Field(default=8, ge=1)  # that may bring posts at the same time; more are told to come later
    webhook: WebhookSettings = WebhookSettings()
    email: EmailSettings = EmailSettings()
