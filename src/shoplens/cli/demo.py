"""`shoplens demo`: the sample shop, from nothing to a running server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoplens.cli.app import JsonFlag, app, console, emit, stage_progress
from shoplens.cli.tables import results_table

if TYPE_CHECKING:
    from shoplens.service.sample_shop import SampleShop

# Household 1 is in every table of the sample; 1082185 are bananas, with which a guest becomes somebody.
TRY = (
    ("/v1/recommend", '{"user_id":"1","n":5,"explain":true}'),
    ("/v1/events", '{"session_id":"guest","item_id":"1082185","event_type":"cart"}'),
    ("/v1/recommend", '{"session_id":"guest","n":5,"explain":true}'),
    ("/v1/search", '{"text":"dog food under 10","n":5,"facets":["brand","price"]}'),
    ("/v1/interact", '{"text":"something for breakfast"}'),
    ("/v1/assistant", '{"text":"how long can I return something?"}'),
)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Workspace of the sample shop.")] = Path("demo-shop"),
    report: Annotated[Path, typer.Option(help="Folder for the table, the plots and report.html.")] = Path("report"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the report.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Train again, even if the shop is already there.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free port.")] = 8000,
    json: JsonFlag = False,
) -> None:
    """Build a sample shop from real purchases, texts and photos, evaluate it, and serve it.

    The first run takes some minutes; stop it at any time, it goes on where it was. The next run serves at once.
    """
    from shoplens.service import sample_shop
    from shoplens.service.workspace import Workspace

    workspace = Workspace.create(folder)
    if again or not sample_shop.is_built(workspace):
        with stage_progress() as tell:
            shop = sample_shop.build_sample_shop(workspace, report=report, progress=tell, say=console.print)
        if not json:
            _show(shop, report)
    else:
        console.print(f"the sample shop is in {folder} already; `shoplens demo --again` trains it anew")
    if json:
        summary: dict[str, Any] = sample_shop.read_summary(workspace)
        emit(summary, json=True)
    if not no_serve:
        _serve(workspace.root, host, port)


def _show(shop: SampleShop, report: Path) -> None:
    """What came in, what the test says, how long everything took."""
    assert shop.training is not None
    for stage, did in shop.counts.items():
        known = {key: value for key, value in did.items() if isinstance(value, int | dict) and key != "files"}
        console.print(f"[bold]{stage}[/bold] {known}", highlight=False)
    emit(
        {}, json=False, table=results_table(shop.training.test, title="Sample shop, last weeks (no clean test: README)")
    )
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in shop.training.weights.items())
    console.print(f"blend: {weights}; plots and page: {report / 'report.html'}", highlight=False)
    times = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in shop.seconds.items())
    console.print(f"{times}; at most {shop.peak_memory_mb:,.0f} MB", highlight=False)


def _serve(root: Path, host: str, port: int) -> None:
    """Serve until stopped; say what to try."""
    from shoplens.http.server import serve

    def ready(address: str) -> None:
        console.print(
            f"\nthe sample shop answers on [bold]{address}[/bold] (API: {address}/openapi.json). Try:", highlight=False
        )
        for route, body in TRY:
            line = f"  curl -s {address}{route} -H 'content-type: application/json' -d '{body}'"
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    serve(root, host=host, port=port, workers=1, log_level="warning", ready=ready)
