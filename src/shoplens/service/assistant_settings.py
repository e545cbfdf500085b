"""Settings of the customer-service assistant."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from shoplens.service.delivery_settings import EmailSettings, WebhookSettings


class ChatEndpointSettings(BaseModel):
    """A service that speaks OpenAI's `/v1/chat/completions`: it may put the assistant's answers into words."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = None  # up to and without /chat/completions, None: templates only
    api_key: SecretStr | None = None  # better in the environment: SHOPLENS_ASSISTANT__ENDPOINT__API_KEY
    model: str = ""
    seconds: float = Field(default=8.0, gt=0)  # after which templates answer


class AssistantSettings(BaseModel):
    """The customer-service assistant."""

    model_config = ConfigDict(extra="forbid")

    facts: dict[str, str] = {}  # what answers may say of the shop: name, phone, email, hours, website, chat
    actions: dict[str, str] = {  # intent → tool: orders (the person's own), human, recommend
        "track_order": "orders",
        "order_status": "orders",
        "contact_human_agent": "human",
    }
    hours: str = ""  # when people take over: "Mon-Fri 09:00-18:00; Sat 10:00-14:00"; empty = always
    timezone: str = "UTC"  # of these hours
    misses: int = Field(default=2, ge=1)  # turns in a row without an answer, after which a person takes over
    upset: int = Field(default=2, ge=1)  # turns that sound upset, after which a person takes over
    handover_intents: tuple[str, ...] = ()  # always answered by a person
    false_alarms: float = Field(default=0.02, gt=0, lt=0.5)  # share of messages in scope taken for out of scope
    tool_seconds: float = Field(default=5.0, gt=0)  # for one look-up, after which the answer goes on without it
    handover_hours: float = Field(default=72.0, gt=0)  # without a word, after which the assistant answers again
    webhook: WebhookSettings = WebhookSettings()  # conversations that wait for a person, and what customers add
    email: EmailSettings = EmailSettings()  # conversations that wait for a person
    keep_days: float = Field(default=365.0, gt=0)  # for which transcripts are kept
    endpoint: ChatEndpointSettings = ChatEndpointSettings()
