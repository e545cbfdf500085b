"""`shoplens serve`: answer over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import WorkspaceOption, app, console


@app.command()
def serve(
    workspace: WorkspaceOption = Path("."),
    host: Annotated[str | None, typer.Option(help="Address to listen on; default from shoplens.toml.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 = any free port.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; each holds the models in memory.")] = None,
) -> None:
    """Serve recommendations over HTTP until stopped. New bundles are taken over without a pause."""
    from shoplens.http.server import serve as run
    from shoplens.service.keyring import Keyring
    from shoplens.service.workspace import Workspace

    settings = Workspace.open(workspace).settings
    closed = bool(settings.server.api_keys) or settings.oidc.issuer is not None or Keyring(workspace).begun
    chosen_host = host if host is not None else settings.server.host
    if chosen_host not in ("127.0.0.1", "localhost", "::1") and not closed:
        console.print(
            "[yellow]open to the network without API keys[/yellow]: anybody who reaches it may read and write; "
            "make a key: shoplens keys create NAME"
        )

    def ready(address: str) -> None:
        console.print(
            f"serving {workspace} on [bold]{address}[/bold]  (API: {address}/openapi.json)",
            highlight=False,
            soft_wrap=True,
        )

    run(
        workspace,
        host=chosen_host,
        port=port if port is not None else settings.server.port,
        workers=workers if workers is not None else settings.server.workers,
        log_level=settings.log_level,
        log_format=settings.log_format,
        ready=ready,
    )
