"""Schemathesis asks every operation of the OpenAPI what it promises and what it forbids: no answer is a 5xx, none is
undocumented, none differs from its schema, none comes without a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from shoplens.http.app import create_app
from shoplens.http.errors import STATUS
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service import assistant_jobs
from shoplens.testing.served_shop import open_tiny_shop

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.missing_required_header,
    checks.ignored_auth,
]
ADMIN = {"X-API-Key": "the-key"}


@schemathesis.serializer("application/x-ndjson")
def _lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    keys = {"server": {"api_keys": {"the-key": "admin"}}, "encoders": {"text": "hashed-ngrams"}}
    with (
        open_tiny_shop(tmp_path_factory.mktemp("conforming"), settings=keys) as shop,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(assistant_jobs, "begin", lambda *_: None)  # nobody waits for what is learnt here
        yield create_app(shop)


def broken_promises(served: FastAPI, mode: GenerationMode, examples: int, seed: int = 0) -> list[str]:
    """What operations answered that they do not document. `mode`: what the schema allows, or what it forbids."""
    found: list[str] = []
    for operation in schemathesis.openapi.from_asgi("/openapi.json", served).get_all_operations():
        assert isinstance(operation, Ok), operation

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=not seed,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.ok().as_strategy(mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            try:
                case.call_and_validate(headers=ADMIN, checks=CHECKS)
            except FailureGroup as failures:
                found.append(f"{case.operation.label}: {failures.exceptions}: {case.as_curl_command()[:2_000]}")

        try:
            ask()
        except Unsatisfiable:  # an operation without parameters cannot be asked wrongly
            assert mode is GenerationMode.NEGATIVE
    return found


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_keeps_its_promises(served: FastAPI, mode: GenerationMode) -> None:
    assert broken_promises(served, mode, examples=2) == []


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_keeps_its_promises_for_long(served: FastAPI, mode: GenerationMode) -> None:
    assert broken_promises(served, mode, examples=150, seed=1) == []


def test_whatever_errors_become_is_documented() -> None:
    assert {status for _, status in STATUS} <= set(PROBLEMS)


@pytest.mark.parametrize("id_", ["a%0Ab", "abc%0A", "%0A", "a%00b", "a%7Fb", "a%EF%BF%BDb"])
@pytest.mark.parametrize("what", ["products", "people"])
def test_an_id_that_cannot_be_is_refused_not_missed(served: FastAPI, what: str, id_: str) -> None:
    answer = TestClient(served).get(f"/v1/{what}/{id_}", headers=ADMIN)
    assert answer.status_code == 422, answer.text
    assert "control characters" in answer.json()["detail"]
