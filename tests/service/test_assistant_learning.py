"""Corrections in transcripts: learnt with what was answered, the latest counts, forgotten with the person."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplens.apps.assistant.intents.examples import Example
from shoplens.apps.assistant.intents.model import examples_in
from shoplens.service.assistant_learning import NAME, corrected, learn_assistant
from shoplens.service.text_models import TextModels
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.records import Transcript, TranscriptTurn
from shoplens.store.sql import open_store

BEGINNINGS = ("please", "i want to", "can you help me", "how do i", "i need to", "could i")
WISHES = {"cancel": "cancel my order", "password": "reset a password", "invoice": "download an invoice"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    rows = [f"{begin} {wish},{name},Here is how to {wish}." for name, wish in WISHES.items() for begin in BEGINNINGS]
    (tmp_path / "dialogues.csv").write_text("\n".join(["utterance,intent,answer", *rows]) + "\n", encoding="utf-8")
    return Workspace.create(tmp_path / "shop", encoders={"text": "hashed-ngrams", "image": "off", "colour": "off"})


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return open_store(workspace.database_url)


def said(store: Store, who: str, text: str, intent: str, *, when: int) -> None:
    """A turn that the shop corrected."""
    name = f"{who}-{when}"
    kept = Transcript(conversation_id=name, user_id=who, started=when, updated=when, turns=1)
    turn = TranscriptTurn(conversation_id=name, number=1, timestamp=when, said=text, answer="", details="{}")
    store.transcripts.record(kept, turn)
    store.transcripts.judge(name, 1, intent=intent)


def learnt(workspace: Workspace) -> dict[str, Example]:
    """Utterance → example, of the version that answers."""
    return {one.utterance: one for one in examples_in(TextModels.of(workspace.root).open(NAME).folder)}


def on_disk(workspace: Workspace) -> str:
    """All that any version learnt from."""
    return "".join(file.read_text(encoding="utf-8") for file in workspace.root.glob("text-models/**/*.jsonl"))


def test_who_is_forgotten_is_forgotten_by_every_version(workspace: Workspace, store: Store) -> None:
    said(store, "ann", "my aunt Winifred broke her telly", "cancel", when=1)
    said(store, "bob", "my lamp flickers", "cancel", when=2)
    for _ in range(2):
        learn_assistant(workspace, store, str(workspace.root.parent / "dialogues.csv"))
    assert on_disk(workspace).count("Winifred") == 2
    store.people.delete("ann")
    did = learn_assistant(workspace, store, None)
    assert did.corrections == 1
    assert "Winifred" not in on_disk(workspace)
    assert "my lamp flickers" in learnt(workspace)
    assert len(learnt(workspace)) == len(BEGINNINGS) * len(WISHES) + 1, "what the file said stays"


def test_what_was_answered_survives_a_correction(workspace: Workspace, store: Store) -> None:
    said(store, "ann", "please cancel  my order", "invoice", when=1)
    learn_assistant(workspace, store, str(workspace.root.parent / "dialogues.csv"))
    one = learnt(workspace)["please cancel my order"]
    assert (one.intent, one.answer) == ("invoice", "Here is how to cancel my order.")
    store.people.delete("ann")
    learn_assistant(workspace, store, None)
    assert learnt(workspace)["please cancel my order"].answer, "the file's own row is not hers"


def test_the_latest_of_two_corrections_wins(workspace: Workspace, store: Store) -> None:
    said(store, "ann", "it hums", "password", when=1)
    said(store, "bob", "it hums", "invoice", when=3)
    said(store, "eve", "it hums", "cancel", when=2)
    learn_assistant(workspace, store, str(workspace.root.parent / "dialogues.csv"))
    assert learnt(workspace)["it hums"].intent == "invoice"


def test_slots_stay_with_what_is_corrected() -> None:
    example = Example("stop order 7", "track", "Stopped {{order}}.", {"order_id": "7"})
    (one,) = corrected([example], {"stop order 7": "cancel"})
    assert one == Example("stop order 7", "cancel", "Stopped {{order}}.", {"order_id": "7"})
