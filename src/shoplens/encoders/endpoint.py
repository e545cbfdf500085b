"""Texts to vectors by a service that speaks OpenAI's `/v1/embeddings`: "endpoint:MODEL".

OpenAI itself, or a server of one's own (vLLM, Text Embeddings Inference, Ollama, Infinity, another Shoplens).
Nothing it answers is trusted: count, order, width and numbers are checked before they become vectors.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np

from shoplens.encoders.base import Encoder, EncoderOptions, EndpointOptions, Vectors
from shoplens.encoders.endpoint_answer import WIDEST, excerpt, read_answer, seconds_to_wait
from shoplens.errors import ConfigurationError, ServiceError, ServiceUnavailableError, ShoplensError

REVISION = "1"  # of how it is asked: part of `version`
FIRST_WAIT_SECONDS = 0.5  # before the first retry; doubled each time
LONGEST_WAIT_SECONDS = 60.0  # also when the service asks for more
MOST_BYTES_A_NUMBER = 40  # of an answer: "-0.012345678901234567," with room
LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # answers after which trying again may help


class EndpointEncoder:
    """A model behind an HTTP endpoint. Safe in several threads; asks nothing until the first text.

    Blank texts, which most services refuse, are sent as one space.
    """

    modality = "text"

    def __init__(
        self, model: str, options: EndpointOptions, cache: Path, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        if not options.url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"encoders.endpoint.url = {options.url!r} is not an address; write for example https://api.openai.com/v1"
            )
        if options.encoding not in ("float", "base64"):
            raise ConfigurationError(f"encoders.endpoint.encoding = {options.encoding!r}; write float or base64")
        self._model = model
        self._options = options
        self._url = options.url.rstrip("/").removesuffix("/embeddings") + "/embeddings"
        said = "\n".join([REVISION, self._url, model, options.query_prefix, options.product_prefix])
        self._digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        self._width_file = cache / "endpoints" / f"{self._digest}.json"
        self._wait = wait
        self._lock = threading.Lock()
        self._width = options.size
        headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        self._client = httpx.Client(timeout=options.timeout_seconds, headers=headers, follow_redirects=False)
        safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in model)
        self.name = f"endpoint-{safe}"  # names the folder of the feature table

    @classmethod
    def open(cls, options: EncoderOptions) -> Encoder:
        """The model of `options.model` at `options.endpoint`. ConfigurationError when no endpoint is set."""
        if options.endpoint is None or not options.endpoint.url:
            raise ConfigurationError(
                f"endpoint:{options.model} needs an address: write url under [encoders.endpoint] in shoplens.toml, for "
                'example "https://api.openai.com/v1"'
            )
        if options.modality not in (None, "text"):
            raise ConfigurationError(f"endpoint:{options.model} reads texts, not {options.modality}")
        return cls(options.model, options.endpoint, options.model_cache)

    @property
    def size(self) -> int:
        """Width of a vector: as set, as remembered, or as one question to the service shows."""
        with self._lock:
            if self._width is None:
                self._width = self._remembered()
            if self._width is None:
                self._width = self._ask(["size"], None).shape[1]
                self._remember(self._width)
            return self._width

    @property
    def version(self) -> str:
        """Address, model, prefixes and width: what a vector depends on, as far as can be told from here."""
        return f"{self._digest}-{self.size}"

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of product texts. float32 [len(inputs), size], unit length.

        ServiceUnavailableError when the service does not answer in spite of all retries, ServiceError when its answer
        cannot be right, ConfigurationError when it refuses the key or the model.
        """
        return self._encode(self._options.product_prefix, inputs)

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of what shoppers type. float32 [len(inputs), size], unit length; errors as `encode`."""
        return self._encode(self._options.query_prefix, inputs)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _encode(self, prefix: str, inputs: Sequence[str]) -> Vectors:
        vectors = np.empty((len(inputs), self.size), np.float32)
        for start in range(0, len(inputs), self._options.batch):
            texts = [_sendable(prefix, text) for text in inputs[start : start + self._options.batch]]
            vectors[start : start + len(texts)] = self._ask(texts, self.size)
        return vectors

    def _ask(self, texts: list[str], width: int | None) -> Vectors:
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": self._options.encoding}
        if self._options.size is not None:
            body["dimensions"] = self._options.size
        answer = self._post(body, most_bytes=65_536 + len(texts) * (width or WIDEST) * MOST_BYTES_A_NUMBER)
        return read_answer(answer, len(texts), width, self._url)

    def _post(self, body: dict[str, Any], most_bytes: int) -> bytes:
        """The service's answer, tried again while it says "later" or nothing."""
        reason = ""
        for attempt in range(self._options.retries + 1):
            pause = min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1)
            try:
                status, headers, content = self._once(body, most_bytes)
            except httpx.TransportError as error:
                reason = f"does not answer ({str(error) or type(error).__name__})"
            else:
                if status == httpx.codes.OK:
                    return content
                reason = f"answered {status}: {self._without_key(excerpt(content))}"
                if status not in LATER:
                    raise self._refusal(status, reason)
                pause = max(pause, min(seconds_to_wait(headers.get("retry-after", "")), LONGEST_WAIT_SECONDS))
            if attempt < self._options.retries:
                self._wait(pause)
        raise ServiceUnavailableError(f"{self._url} {reason}; tried {self._options.retries + 1} times")

    def _once(self, body: dict[str, Any], most_bytes: int) -> tuple[int, httpx.Headers, bytes]:
        deadline = time.monotonic() + self._options.timeout_seconds  # a service that drips must not hold us for ever
        with self._client.stream("POST", self._url, json=body) as answer:
            content = bytearray()
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > most_bytes:
                    raise ServiceError(
                        f"{self._url} answers with more than {most_bytes:,} bytes; is the address right?"
                    )
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout(f"not complete within {self._options.timeout_seconds:g} s")
            return answer.status_code, answer.headers, bytes(content)

    def _without_key(self, text: str) -> str:
        """Some services repeat a wrong key in their refusal."""
        return text.replace(self._options.api_key, "…") if self._options.api_key else text

    def _refusal(self, status: int, reason: str) -> ShoplensError:
        if status in (401, 403):
            return ConfigurationError(f"{self._url} {reason}. Check encoders.endpoint.api_key")
        if status in (301, 302, 307, 308, 404, 405):
            return ConfigurationError(f"{self._url} {reason}. Check encoders.endpoint.url and the model's name")
        return ServiceError(f"{self._url} {reason}")

    def _remembered(self) -> int | None:
        try:
            width = json.loads(self._width_file.read_text(encoding="utf-8"))["size"]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not kept, or damaged: the service is asked again
        return width if isinstance(width, int) and width > 0 else None

    def _remember(self, width: int) -> None:
        self._width_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._width_file.with_name(f".{self._width_file.name}.{threading.get_ident()}.partial")
        partial.write_text(json.dumps({"url": self._url, "model": self._model, "size": width}), encoding="utf-8")
        partial.replace(self._width_file)


def _sendable(prefix: str, text: str) -> str:
    """Text that fits into JSON: no null characters, no halves of characters; a blank one as one space."""
    text = text.replace("\x00", " ").encode("utf-8", "replace").decode("utf-8")
    return prefix + text if text.strip() else prefix or " "
