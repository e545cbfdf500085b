"""How alerts are told to people; `service.delivery` does the rest."""

from __future__ import annotations

from shoplens.apps.opinions.telling import alert_json, subject_of, text_of
from shoplens.service import delivery
from shoplens.service.delivery import Message, Told
from shoplens.service.opinion_settings import OpinionSettings
from shoplens.store.opinions import OpinionStore
from shoplens.store.records import Delivery


def channels_of(settings: OpinionSettings) -> tuple[str, ...]:
    """Where alerts are told, by the settings; the log always."""
    return delivery.channels_of(settings.webhook, settings.email)


def alerts_told(store: OpinionStore, settings: OpinionSettings, language: str) -> Told:
    """Alerts with the posts that show them."""

    def compose(one: Delivery) -> Message | None:
        alert = store.alert(one.subject)
        if alert is None:
            return None
        numbers = alert.told.get("posts", [])
        found = store.by_number(numbers)
        posts = [found[number] for number in numbers if number in found]
        text = text_of(alert, posts, language)
        body = {"alert": alert_json(alert, posts, language)}
        return Message(subject_of(alert, language), text, text, body)

    return Told(compose, "opinions", settings.webhook, settings.email)
