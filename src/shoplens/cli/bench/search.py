"""`shoplens bench search`: how well words find photos and titles, and photos find products."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shoplens.cli.app import JsonFlag, emit, stage_progress
from shoplens.cli.bench import bench

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("ndcg@10", "hit@10", "recall@1", "recall@10", "mrr", "zero_results")


@bench.command()
def search(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with products.csv (product_id, title, split or image, attributes), queries or photos; or the "
            "files of WANDS or ESCI, see --format."
        ),
    ],
    *,
    task: Annotated[
        Literal["text-photo", "text-title", "text-product", "photo-product"],
        typer.Option(
            help="What is searched by what: words → photos, words → titles, words → titles and photos together, "
            "photo → product."
        ),
    ] = "text-product",
    format: Annotated[  # noqa: A002 - the option's name
        Literal["shoplens", "wands", "esci"],
        typer.Option(
            help="wands: product.csv, query.csv, label.csv; esci: shopping_queries_dataset_examples.parquet and "
            "…_products.parquet. Both with --task text-product."
        ),
    ] = "shoplens",
    locale: Annotated[
        Literal["us", "es", "jp"] | None, typer.Option(help="esci: queries of one locale; default: all.")
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="query_id, text[, language]; default: queries.csv in the folder.")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="query_id, product_id[, gain]; default: qrels.csv in the folder.")
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            help="Zip archive of photos. text-photo: named after products, default images.zip; photo-product: taken by "
            "shoppers, default photos-val.zip."
        ),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="photo-product: photo, product_id; default photos-val.csv.")
    ] = None,
    text: Annotated[str, typer.Option(help="Encoder of texts.")] = "e5-small",
    image: Annotated[str, typer.Option(help="Encoder of photos.")] = "efficientnet-lite2",
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Learn from the products with split train, search those with split test, and print what was found.

    text-photo: the engine sees only the photos of the searched products. What it learnt from the others (photo, title,
    attributes) is compared with the bridge that learns nothing (zero_shot). Settings are chosen on a part of split
    train; the queries of the folder are asked once.

    text-title: likewise with their titles: the words themselves, their meaning, and attributes that both speak of.
    text-product: likewise with titles and photos, beside each alone.

    --format wands, esci: everything that products say, by the published protocol, which the outcome names.

    photo-product: products.csv names a picture of each product (image). What was learnt from photos-train.zip and .csv
    is compared with what the pictures alone (one_shot), and pictures and words (zero_shot), allow.
    """
    from shoplens.service.settings import Settings
    from shoplens.service.workspace import Workspace

    if format != "shoplens" and (task != "text-product" or any((queries, qrels, photos, labels))):
        raise typer.BadParameter(f"--format {format} goes with --task text-product and has files of its own")
    if locale is not None and format != "esci":
        raise typer.BadParameter("--locale goes with --format esci")
    cache = Workspace(folder, Settings.read(None)).model_cache
    with stage_progress() as progress:
        if format != "shoplens":
            from shoplens.learning.search_collections import bench_collection

            outcome = bench_collection(
                folder, format, cache=cache, text=text, locale=locale, seed=seed, progress=progress
            )
        elif task in ("text-photo", "text-product"):
            from shoplens.learning.search_text_photo import bench_text_photo
            from shoplens.learning.search_text_product import bench_text_product

            measure = bench_text_photo if task == "text-photo" else bench_text_product
            outcome = measure(
                folder, cache=cache, text=text, image=image, queries=queries, qrels=qrels, photos=photos, seed=seed,
                progress=progress,
            )  # fmt: skip
        elif task == "text-title":
            from shoplens.learning.search_text_title import bench_text_title

            outcome = bench_text_title(
                folder, cache=cache, text=text, queries=queries, qrels=qrels, seed=seed, progress=progress
            )
        else:
            if (photos is None) != (labels is None):
                raise typer.BadParameter("--photos and --labels go together in --task photo-product")
            from shoplens.learning.search_photo_product import bench_photo_product

            outcome = bench_photo_product(
                folder, photos, labels, cache=cache, text=text, image=image, seed=seed, progress=progress
            )
    emit(outcome, json=json, table=None if json else _table(outcome))


def _table(outcome: dict[str, Any]) -> Table:
    """What was searched and how as rows, figures as columns."""
    from rich.table import Table

    speed = (
        f"a query {outcome['p50_ms']:.1f} ms, slowest of 100 {outcome['p99_ms']:.1f} ms" if "p50_ms" in outcome else ""
    )
    learnt = f"learnt in {outcome['train_seconds']:.0f} s" if "train_seconds" in outcome else ""
    table = Table(
        title=f"{outcome.get('data', '')} · {outcome['task']}",
        caption=" · ".join(part for part in (learnt, speed) if part),
    )
    table.add_column("")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    named = {"": outcome} | {
        name.replace("_", " "): part for name, part in outcome.items() if isinstance(part, dict) and "ndcg@10" in part
    }
    for name, figures in named.items():
        for language, part in {"all": figures, **figures.get("by_language", {})}.items():
            label = " ".join(word for word in (name, language) if word)
            table.add_row(label, *(f"{part[one]:.3f}" if one in part else "" for one in COLUMNS))
    return table
