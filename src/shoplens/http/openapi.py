"""/openapi.json: what FastAPI knows, and the schemas of what is read and written without it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from shoplens.http.wire.assistant import AssistantIn
from shoplens.http.wire.cart import CartIn
from shoplens.http.wire.catalogue import ProductIn
from shoplens.http.wire.classify import ClassifyIn
from shoplens.http.wire.embeddings import EmbeddingsIn
from shoplens.http.wire.entities import EntitiesIn
from shoplens.http.wire.events import EventIn
from shoplens.http.wire.fields import Problem
from shoplens.http.wire.interact import InteractIn
from shoplens.http.wire.opinions import PostsIn
from shoplens.http.wire.ranking import RecommendIn, SimilarIn
from shoplens.http.wire.search import SearchIn

READ_BY_HAND = (
    RecommendIn,
    SimilarIn,
    CartIn,
    EventIn,
    ProductIn,
    EmbeddingsIn,
    SearchIn,
    InteractIn,
    PostsIn,
    ClassifyIn,
    EntitiesIn,
    AssistantIn,
)
WRITTEN_BY_HAND = (Problem,)


def install(app: FastAPI) -> None:
    """Replace the application's own description by the completed one, made once."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            _, extra = models_json_schema(
                [
                    *((model, "validation") for model in READ_BY_HAND),
                    *((model, "serialization") for model in WRITTEN_BY_HAND),
                ],
                ref_template="#/components/schemas/{model}",
            )
            components = schema.setdefault("components", {})
            components["schemas"] = {**extra["$defs"], **components.get("schemas", {})}
            components["schemas"] = dict(sorted(components["schemas"].items()))
            _say_who_may(schema["paths"])
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]


def _say_who_may(paths: dict[str, Any]) -> None:
    """`{scheme: [role, scope, scope]}`, of which any scope will do, as entries of which one is met as a whole."""
    for methods in paths.values():
        for operation in methods.values():
            if "security" in operation:
                operation["security"] = [
                    {scheme: [role, scope]}
                    for entry in operation["security"]
                    for scheme, (role, *scopes) in entry.items()
                    for scope in scopes
                ]
