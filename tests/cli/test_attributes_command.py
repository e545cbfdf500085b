from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from typer.testing import CliRunner

from shoplens.cli import attributes_review as _review  # noqa: F401 - each registers its commands
from shoplens.cli.app import app
from shoplens.cli.bench import attributes as _bench  # noqa: F401
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind
from shoplens.errors import InputError
from shoplens.service.runtime import Runtime
from shoplens.testing.described_shop import LACKS_COLOUR, described_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("shop")
    (where / "shoplens.toml").write_text('[encoders]\ntext = "hashed-ngrams"\n', encoding="utf-8")
    with Runtime.open(where) as shop:
        shop.put_products(described_shop())
    return where


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    where = () if "--help" in arguments else ("-w", str(folder))
    result = CliRunner().invoke(app, ["attributes", *arguments, *where])
    assert result.exit_code == code, result.output
    return result.stdout


def test_from_completion_to_a_decision(folder: Path) -> None:
    assert "nothing to review" in run(folder, "review", "list")
    told = json.loads(run(folder, "complete", "--json"))
    assert set(told) == {"products", "found", "new", "withdrawn", "seconds", "sources"}
    (one,) = json.loads(run(folder, "review", "list", "--item", LACKS_COLOUR, "--json"))["proposals"]
    assert "green" in run(folder, "review", "list")
    assert f"{one['proposal_id'][:8]} " in run(folder, "review", "list")
    with pytest.raises(InputError, match="open proposals begin with ''"):
        CliRunner().invoke(
            app, ["attributes", "review", "reject", "", "-w", str(folder)], catch_exceptions=False
        )  # as many begin with nothing as there are
    assert "1 rejected" in run(folder, "review", "reject", one["proposal_id"][:8])
    assert json.loads(run(folder, "complete", "--json"))["new"] == 0
    assert json.loads(run(folder, "review", "list", "--item", LACKS_COLOUR, "--json"))["proposals"] == []


def test_a_selection_is_decided_about_and_taken_back(folder: Path) -> None:
    red = [
        Proposal(kind=ProposalKind.VALUE, item_id=f"d00{row}", attribute="lid", value="red", confidence=0.9)
        for row in range(3)
    ]
    with Runtime.open(folder) as shop:
        shop.store.proposals.offer(
            [*red, replace(red[0], item_id="gone"), replace(red[2], value="blue", confidence=0.3)]
        )
    chosen = ("--kind", "value", "--attribute", "lid", "--least", "0.5")
    run(folder, "review", "accept", code=2)
    run(folder, "review", "accept", red[0].proposal_id, *chosen, "--yes", code=2)
    run(folder, "review", "accept", *chosen, code=2)  # nobody to ask
    run(folder, "review", "reject", *chosen, "--json", code=2)
    assert "3 accepted, 1 left open; the first: the product 'gone'" in run(folder, "review", "accept", *chosen, "--yes")
    told = json.loads(run(folder, "review", "list", "--status", "accepted", "--attribute", "lid", "--json"))
    assert len(told["proposals"]) == 3
    assert "3 open again" in run(folder, "review", "reopen", *(one.proposal_id[:8] for one in red))
    with Runtime.open(folder) as shop:
        assert all("lid" not in one.attributes for one in shop.store.catalogue.get(["d000", "d001", "d002"]).values())
    done = json.loads(run(folder, "review", "reject", "--attribute", "lid", "-y", "--json"))
    assert (len(done["proposals"]), done["skipped"], done["cursor"]) == (5, [], None)


def test_a_person_is_asked_about_a_selection(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lid = Proposal(kind=ProposalKind.VALUE, item_id="d001", attribute="cap", value="red", confidence=0.9)
    with Runtime.open(folder) as shop:
        shop.store.proposals.offer([lid])
    here = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("shoplens.cli.attributes_review.sys", here)
    for said, code, left in (("n", 1, 1), ("y", 0, 0)):
        words = ["attributes", "review", "accept", "--attribute", "cap", "-w", str(folder)]
        result = CliRunner().invoke(app, words, input=said)
        assert result.exit_code == code, result.output
        assert "Accept 1 proposal?" in result.stderr
        with Runtime.open(folder) as shop:
            assert len(shop.store.proposals.list(attribute="cap")) == left


def test_texts_and_products_are_read(folder: Path) -> None:
    shown = run(folder, "extract", "Oat drink 0.5 L", "--category", "Grocery > Drinks")
    assert "500 ml" in shown
    values = json.loads(run(folder, "extract", "--item", "s001", "--json"))["values"]
    assert [(one["value"], one.get("family")) for one in values if one["attribute"] == "colour"] == [
        ("navy blue", "blue")
    ]
    assert all("family" not in one for one in values if one["attribute"] != "colour")
    photo = Image.new("RGB", (60, 60), "white")
    photo.paste((200, 24, 32), (0, 0, 30, 30))
    photo.save(folder / "red.png")
    with Runtime.open(folder) as shop:
        shop.put_products([replace(described_shop()[0], item_id="seen", title="x", attributes={}, images=("red.png",))])
    assert "red.png (from 0%, 0% to 50%, 50%)" in " ".join(run(folder, "extract", "--item", "seen").split())
    run(folder, "extract", code=2)
    run(folder, "extract", "--item", "s001", "--description", "of suede", code=2)
    assert "suede" in run(folder, "extract", "--description", "a red suede shoe")
    with pytest.raises(InputError, match=r"has no color; did you mean colour\? choose among what it has: brand"):
        CliRunner().invoke(
            app, ["attributes", "alike", "s000", "--by", "color", "-w", str(folder)], catch_exceptions=False
        )


def test_lists_that_are_empty_say_why(folder: Path) -> None:
    assert "too few purchases" in run(folder, "insights")
    assert "s004" in run(folder, "alike", "s000", "--by", "colour")
    assert "shoplens attributes extract" in run(folder, "extract", "--help")


def test_the_benchmark_prints_its_keys(tmp_path: Path) -> None:
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    rows = [
        json.dumps(
            {
                "input": f"{brand} {colour} shoe {number}",
                "category": "Shoes",
                "target_scores": {"Brand": {brand: 1}, "Color": {colour: 1}, "Size": {"n/a": 1}},
            }
        )
        for number, (brand, colour) in enumerate(
            (brand, colour) for brand in ("Acme", "Nordwind", "Kestrel") for colour in ("red", "blue", "green") * 4
        )
    ]
    train.write_text("\n".join(rows), encoding="utf-8")
    test.write_text("\n".join(rows[:5]), encoding="utf-8")
    result = CliRunner().invoke(app, ["bench", "attributes", str(train), str(test), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {"micro_precision", "micro_recall", "micro_f1", "open_f1", "titles_per_second", "train_seconds"} <= set(told)
    assert told["micro_f1"] == 1.0
    assert told["dictionary"]["micro_f1"] > 0.9
    shown = CliRunner().invoke(app, ["bench", "attributes", str(train), str(test)])
    assert "dictionary" in shown.stdout


def test_a_photo_that_cannot_be_read_is_told(folder: Path) -> None:
    with Runtime.open(folder) as shop:
        shop.put_products([Product(item_id="lost", title="?", images=("lost.png",))])
    result = CliRunner().invoke(app, ["attributes", "extract", "--item", "lost", "-w", str(folder)])
    assert "its photo could not be read" in " ".join(result.stdout.split())
    assert "its photo was left out" in result.stderr
    assert json.loads(run(folder, "extract", "--item", "lost", "--json")) == {"values": [], "unread": "lost.png"}
