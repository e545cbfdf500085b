"""Traces reach a collector that speaks OTLP over HTTP, here a small server of the test."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shoplens.http.app import create_app
from shoplens.testing.served_shop import open_tiny_shop

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    received: list[Any] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def test_a_request_becomes_a_span(tmp_path: Path, collector: tuple[str, list[Any]]) -> None:
    url, received = collector
    settings = {"telemetry": {"otlp_url": url, "sample": 0.0}}
    with open_tiny_shop(tmp_path, trained=False, settings=settings) as shop, TestClient(create_app(shop)) as client:
        carried = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine-8"}
        assert client.get("/v1/people/ann-the-person", headers=carried).status_code == 404
        assert client.post("/v1/recommend", json={}).status_code == 200, "not sampled"
    (resource,) = [one for request in received for one in request.resource_spans]
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "shoplens"
    (span,) = [span for scope in resource.scope_spans for span in scope.spans]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.name == "GET /v1/people/{user_id:id}"
    told = {one.key: one.value for one in span.attributes}
    assert told["http.response.status_code"].int_value == 404
    assert told["shoplens.request_id"].string_value == "mine-8"
    assert b"ann-the-person" not in span.SerializeToString()
