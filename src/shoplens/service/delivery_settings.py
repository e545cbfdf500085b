"""Settings of what is told to people of the shop: where it is posted, who is written to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class WebhookSettings(BaseModel):
    """Where news is posted: alerts (`opinions.webhook`), conversations that wait for a person (`assistant.webhook`)."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = None  # https://…; None: no webhook
    secret: SecretStr | None = None  # signs what is sent; better in the environment: SHOPLENS_…__WEBHOOK__SECRET
    allow_private: bool = False  # whether the address may lie in the shop's own network
    timeout_seconds: float = Field(default=10.0, gt=0)


class EmailSettings(BaseModel):
    """Who is written to, and through which server."""

    model_config = ConfigDict(extra="forbid")

    host: str | None = None  # SMTP server; None: no e-mail
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None  # better in the environment: SHOPLENS_…__EMAIL__PASSWORD
    sender: str = "shoplens@localhost"
    to: tuple[str, ...] = ()
