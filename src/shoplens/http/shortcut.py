"""The routes that shops ask all day, found by one look-up.

FastAPI would look through all routes that stand before them, make its stacks of exits and ask for dependencies that
these routes do not have: together more work than an answer takes. What they are asked and answer, and how they are
described, stays with the routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import ModuleType

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shoplens.http.errors import DELIBERATE, answer_to

#: Answers a request without FastAPI's help: reads body and key itself.
Answering = Callable[[Request], Awaitable[Response]]
#: Read by FastAPI where it is sent, see `fields.SentBefore`.
READ_BY_FASTAPI = b"idempotency-key"


class Shortcut:
    """Innermost layer around the application: POST to a path of `answering` never reaches it."""

    def __init__(self, app: ASGIApp, *, answering: Mapping[str, tuple[APIRoute, Answering]]) -> None:
        self.app = app
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = self._answering.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None or scope.get("root_path") or any(name == READ_BY_FASTAPI for name, _ in scope["headers"]):
            await self.app(scope, receive, send)
            return
        scope["route"], answering = found  # for figures, logs and traces
        request = Request(scope, receive)
        try:
            response = await answering(request)
        except DELIBERATE as error:
            response = await answer_to(request, error)
        await response(scope, receive, send)


def shortcuts(modules: Iterable[ModuleType]) -> dict[str, tuple[APIRoute, Answering]]:
    """Path → route and what answers it, of the modules' SHORTCUTS: name of the route's function → what answers."""
    found: dict[str, tuple[APIRoute, Answering]] = {}
    for module in modules:
        routes = {route.name: route for route in module.router.routes if isinstance(route, APIRoute)}
        for name, answering in module.SHORTCUTS.items():
            found[routes[name].path] = routes[name], answering
    return found
