"""How people of the shop hear of conversations that wait for them; `service.delivery` does the rest.

The log is told that somebody waits, and nothing of what was said.
"""

from __future__ import annotations

from shoplens.domain.moments import told
from shoplens.service import delivery
from shoplens.service.assistant_settings import AssistantSettings
from shoplens.service.delivery import Courier, Message, Told
from shoplens.service.opinion_delivery import alerts_told
from shoplens.service.settings import Settings
from shoplens.store.base import Store
from shoplens.store.records import Delivery

KIND = "handover"


def channels_of(settings: AssistantSettings) -> tuple[str, ...]:
    """Where handovers are told, by the settings; the log always."""
    return delivery.channels_of(settings.webhook, settings.email)


def open_courier(store: Store, settings: Settings) -> Courier:
    """For alerts and for conversations that wait."""
    alerts = alerts_told(store.opinions, settings.opinions, settings.language)
    return Courier(store.outbox, {"alert": alerts, KIND: handovers_told(store, settings.assistant)})


def handovers_told(store: Store, settings: AssistantSettings) -> Told:
    """Conversations that wait, with the summary; later also what the customer adds (`occasion` "message/TURN")."""

    def compose(one: Delivery) -> Message | None:
        record, kept = store.handovers.load(one.subject), store.transcripts.load(one.subject)
        if record is None or kept is None:
            return None
        said = None
        occasion, _, number = one.occasion.partition("/")
        if occasion == "message":
            said = next((turn for turn in store.transcripts.turns(one.subject) if str(turn.number) == number), None)
            if said is None:
                return None
        body = {
            KIND: {
                "conversation_id": record.conversation_id,
                "user_id": kept.user_id,
                "language": kept.language,
                "state": record.state,
                "reason": record.reason,
                "agent": record.agent,
                "opened": told(record.opened),
                "summary": record.summary,
            },
            "message": None if said is None else {"turn": said.number, "text": said.said},
        }
        return Message(
            f"A customer waits for a person ({record.reason})",
            f'{record.summary}\n\nanswer: shoplens assistant answer {record.conversation_id} --agent YOU "…"',
            f"a conversation waits for a person ({record.reason}); who waits: shoplens assistant waiting",
            body,
        )

    return Told(compose, "assistant", settings.webhook, settings.email)
