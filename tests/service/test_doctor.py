"""The doctor finds what is missing and says what to do."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from shoplens.domain.catalogue import Product
from shoplens.domain.search_rules import RuleKind
from shoplens.encoders import whisper
from shoplens.service.doctor import Finding, examine
from shoplens.service.keyring import Keyring
from shoplens.service.search_rules import SearchRules
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store


def _by_subject(workspace: Workspace) -> dict[str, Finding]:
    return {one.subject: one for one in examine(workspace)}


def test_a_new_workspace_is_told_every_next_step(tmp_path: Path) -> None:
    found = _by_subject(Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"}))
    assert "ingest products" in found["products"].advice
    assert "ingest events" in found["events"].advice
    assert "shoplens embed" in found["text vectors"].advice
    assert "shoplens train" in found["bundle"].advice
    assert found["server"].well


def test_an_open_server_is_pointed_out(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, server={"host": "0.0.0.0"}, encoders={"text": "hashed-ngrams"})
    assert "shoplens keys create" in _by_subject(workspace)["server"].advice


def test_a_shop_without_a_key_that_is_left_is_pointed_out(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"})
    Keyring(tmp_path).create("boss", "admin")
    assert _by_subject(workspace)["server"].well
    Keyring(tmp_path).revoke("boss")
    assert "answers nobody" in _by_subject(workspace)["server"].advice


def test_a_broken_database_and_an_unknown_encoder_are_findings_not_crashes(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").write_text("this is not a database, but long enough to be looked at" * 40)
    Workspace.create(tmp_path)
    workspace = Workspace(tmp_path, Settings.read(None, encoders={"text": "magic"}))
    found = _by_subject(workspace)
    assert not found["store"].well
    assert "magic" in found["text encoder"].advice


def test_a_missing_part_matters_to_shops_with_such_media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "find_spec", lambda name: None)
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams", "ocr": "off"})
    found = _by_subject(workspace)
    assert (found["audio encoder"].state, found["audio encoder"].advice) == ("left out", "")
    assert (found["ocr encoder"].state, found["ocr encoder"].advice) == ("off", "")
    assert found["colour encoder"].state.startswith("colour")
    assert "speech" in found["optional parts"].state
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id="talk", title="audio book", audio=("talk.wav",))])
    store.close()
    assert "shoplens[speech]" in _by_subject(workspace)["speech encoder"].advice


def test_a_server_that_is_less_closed_than_it_seems(tmp_path: Path) -> None:
    text = '[server]\ncors_origins = ["*"]\nworkers = 10000\n[encoders]\ntext = "hashed-ngrams"\n'
    file = tmp_path / "shoplens.toml"
    file.write_text(text)
    found = _by_subject(Workspace.open(tmp_path))
    assert "name yours" in found["other origins"].advice
    assert "cores" in found["workers"].state
    assert "secrets" not in found
    database = f'database_url = "sqlite:///{tmp_path / "shop.sqlite"}"\n'
    file.write_text(database + text)
    assert "secrets" not in _by_subject(Workspace.open(tmp_path)), "an address without a password is none"
    file.write_text(
        text + '[encoders.endpoint]\napi_key = "secret"\n[oidc]\nissuer = "http://127.0.0.1:9"\naudience = "a"\n'
    )
    file.chmod(0o644)
    found = _by_subject(Workspace.open(tmp_path))
    assert "other origins" not in found, "tokens are asked for"
    assert "chmod 600" in found["secrets"].advice
    assert "cannot be fetched" in found["tokens"].advice
    file.chmod(0o600)
    assert "secrets" not in _by_subject(Workspace.open(tmp_path))


def test_alerts_that_nobody_can_verify_are_pointed_out(tmp_path: Path) -> None:
    hook = {"url": "https://shop.example/alerts"}
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"}, opinions={"webhook": hook})
    assert "opinions.webhook.secret" in _by_subject(workspace)["alerts"].advice
    signed = Settings.read(None, opinions={"webhook": {**hook, "secret": "s3cret"}})
    assert "alerts" not in _by_subject(Workspace(tmp_path, signed))


def test_damaged_experiments_are_a_finding(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"})
    assert _by_subject(workspace)["experiments"].well
    (tmp_path / "experiments.json").write_text("[]")
    assert "put it right" in _by_subject(workspace)["experiments"].advice


def test_a_tagger_that_there_is_not_is_pointed_out(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"}, opinions={"tagger": "people"})
    assert "entities train FILE --name people" in _by_subject(workspace)["opinions"].advice


def test_scenarios_that_are_based_on_nothing_and_pins_of_unknown_products(tmp_path: Path) -> None:
    def found(**scenarios: object) -> dict[str, Finding]:
        settings = Settings.read(None, encoders={"text": "hashed-ngrams"}, scenario=scenarios)
        return _by_subject(Workspace(tmp_path, settings))

    store = open_store(Workspace.create(tmp_path).database_url)
    store.catalogue.upsert([Product(item_id="tea", title="Tea")])
    store.close()
    assert found()["scenarios"].well
    assert "there is no 'winter'" in found(summer={"based_on": "winter"})["scenarios"].advice
    pinned = found(summer={"rules": {"pin": ["tea", "gone"]}}, home={"rules": {"pin": ["tea"]}})
    assert pinned["scenarios"].state.startswith("2 of the shop's own")
    assert "gone (scenario.summer)" in pinned["pins"].advice
    assert "tea" not in pinned["pins"].advice
    assert "pins" not in found(summer={"rules": {"pin": ["tea"]}})


def test_prices_in_several_currencies_are_pointed_out(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"})
    store = open_store(workspace.database_url)
    one = Product(item_id="tea", price=Decimal(3), currency="EUR")
    store.catalogue.upsert([one, replace(one, item_id="jam")])
    assert "prices" not in _by_subject(workspace)
    store.catalogue.upsert([replace(one, item_id="rice", currency="JPY")])
    store.close()
    found = _by_subject(workspace)["prices"]
    assert found.state == "2 in EUR, 1 in JPY"
    assert "compare EUR alone" in found.advice


def test_rules_of_search_that_cannot_be_read_and_pins_of_unknown_products(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"})
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id="tea", title="Tea")])
    SearchRules(workspace, store).tell({RuleKind.CURATION: [{"query": "tea", "pin": ["tea", "gone"]}]})
    store.close()
    found = _by_subject(workspace)
    assert found["rules"].state == "1 told, 0 in files"
    assert found["curation"].advice.endswith("take the products in: gone")
    (tmp_path / "synonyms.txt").write_text("sofa, couch\nalone\n")
    assert "line 2" in _by_subject(workspace)["rules"].advice
