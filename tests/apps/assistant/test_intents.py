"""Dialogues of the past: read, split without near-duplicates on both sides, learnt, discovered, spoken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.assistant.evaluation import intent_figures
from shoplens.apps.assistant.intents.discovery import discover
from shoplens.apps.assistant.intents.examples import Example, columns_of, example_of, groups_of, hold_out
from shoplens.apps.assistant.intents.learning import learn
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.intents.templates import best_template, speak, templated, templates_of
from shoplens.apps.assistant.understanding.slots import slots_of
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import InputError
from shoplens.service.assistant_learning import linear_fit

BEGINNINGS = ("please", "i want to", "can you help me", "how do i", "i need to", "could i", "may i", "let me")
WISHES = {"cancel": "cancel my order", "password": "reset a password", "invoice": "download an invoice"}


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [
        Example(f"{begin} {wish}", name, f"Here is how to {wish}.")
        for name, wish in WISHES.items()
        for begin in BEGINNINGS
    ]


@pytest.fixture(scope="module")
def model(examples: list[Example]) -> IntentModel:
    encoder = HashedNgramEncoder()
    return learn(examples, encoder, linear_fit(encoder)).model


def test_columns_by_their_usual_names() -> None:
    columns = columns_of(["context", "instruction", "intent", "entity_type", "entity_value", "response"])
    row = {"instruction": " where  is 12345? ", "intent": "track", "entity_type": "order_id", "entity_value": "12345"}
    assert example_of(row, columns) == Example("where is 12345?", "track", None, {"order_id": "12345"})
    assert example_of({"instruction": ""}, columns) == "no utterance"
    assert "utterance" not in columns_of(["one", "two"])


def test_near_duplicates_are_one_group() -> None:
    said = ["cancel order 123", "cancel order 99!", "order cancel 5", "Cancel  the order 7", "where is my parcel"]
    groups = groups_of([Example(one) for one in said]).tolist()
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] not in groups[:4]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(0, 5))
def test_groups_are_never_divided(groups: list[int], seed: int) -> None:
    held = hold_out(np.array(groups), 0.3, seed)
    for one in set(groups):
        assert len(set(held[np.array(groups) == one].tolist())) == 1


def test_what_was_learnt_is_understood_and_comes_back_from_disk(model: IntentModel, tmp_path: Path) -> None:
    texts = ["i would like to cancel my order", "reset my password please", "where do i download the invoice"]
    guesses = model.guess(texts)
    assert [one.intent for one in guesses] == ["cancel", "password", "invoice"]
    assert all(one.in_scope for one in guesses)
    assert not model.guess(["qwertz uiop"])[0].in_scope
    model.save(tmp_path)
    again = IntentModel.load(tmp_path, HashedNgramEncoder())
    assert again.guess(texts) == guesses
    assert again.templates == model.templates
    assert list(again.examples) == list(model.examples)


def test_one_intent_is_not_enough() -> None:
    encoder = HashedNgramEncoder()
    with pytest.raises(InputError, match="two different"):
        learn([Example("hello", "a")] * 5, encoder, linear_fit(encoder))


def test_intents_are_discovered_and_named(examples: list[Example]) -> None:
    texts = [one.utterance for one in examples]
    found = discover(texts, HashedNgramEncoder().encode(texts))
    for name in WISHES:
        own = [told for told, one in zip(found, examples, strict=True) if one.intent == name]
        assert len(set(own) - {None}) <= 2
    assert any("invoice" in (name or "") for name in found)


def test_values_become_slots_and_are_spoken_again() -> None:
    answer = "Order 12345 of {{Website Name}} is on its way.\n\n1. Call {{Customer Support Phone Number}}.\n2. Name it."
    text = templated(answer, {"order_id": "12345"})
    assert "{{slot:order_id}}" in text
    assert "{{fact:phone}}" in text
    (template,) = templates_of([Example("x", "track", answer, {"order_id": "12345"})])
    known = speak(template, {"order_id": "777"}, {"name": "Acme", "phone": "030 1"})
    assert [one for one, _ in known.sentences] == ["Order 777 of Acme is on its way.", "1. Call 030 1.", "2. Name it."]
    bare = speak(template, {}, {"name": "Acme"})
    assert [one for one, _ in bare.sentences] == ["1. Name it."], "what nobody knows is left out, steps count anew"
    assert bare.missing == ("order_id",)


def test_a_number_of_one_case_is_promised_to_nobody_else() -> None:
    (template,) = templates_of([Example("x", "refund", "It takes 5 days. Your bank shows it.")])
    assert [one for one, _ in speak(template, {}, {}).sentences] == ["Your bank shows it."]
    assert len(speak(template, {}, {}, frozenset({5.0})).sentences) == 2


def test_the_situation_chooses_the_answer() -> None:
    told = templates_of([
        Example("a", "track", "Tell me the number."),
        Example("b", "track", "I look for 12345.", {"order_id": "12345"}),
        Example("c", "track", "请告诉我订单号。"),
    ])  # fmt: skip
    pick = best_template(told, "track", "en", {"order_id": "9"})
    assert pick is not None
    assert pick.slots == ("order_id",)
    assert best_template(told, "track", "en", {}).text == "Tell me the number."  # type: ignore[union-attr]
    assert best_template(told, "track", "zh", {}).text == "请告诉我订单号。"  # type: ignore[union-attr]
    assert best_template(told, "other", "en", {}) is None


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("cancel order 113542617735902", {"order_id": "113542617735902"}),
        ("where is #00108?", {"order_id": "00108"}),
        ("invoice 37777 please, ann@example.org", {"invoice_id": "37777", "email": "ann@example.org"}),
        ("refund of $40.50", {"refund_amount": "$40.50"}),
        ("订单号：20250101", {"order_id": "20250101"}),
        ("delete my platinum account", {"account_type": "platinum"}),
        ("hello", {}),
    ],
)
def test_slots(text: str, slots: dict[str, str]) -> None:
    assert slots_of(text) == slots


def test_intents_that_were_not_learnt_count_as_wrong(model: IntentModel, examples: list[Example]) -> None:
    strange = [Example(f"{begin} send a gift card", "gift") for begin in BEGINNINGS]
    known = intent_figures(model, examples, examples)
    mixed = intent_figures(model, [*examples, *strange], examples)
    right = known["intent accuracy"].value
    assert right is not None
    assert mixed["intent accuracy"].value == pytest.approx(right * len(examples) / (len(examples) + len(strange)))
    assert mixed["intent macro f1"].value < known["intent macro f1"].value  # type: ignore[operator]
    assert "8 utterances of 1 intents that were not learnt" in mixed["intent accuracy"].over
    assert "not learnt" not in known["intent accuracy"].over
    assert mixed["false alarms"] == known["false alarms"], "what is not learnt is out of scope, and no false alarm"
