"""`shoplens predict`: a model that `shoplens train --csv` wrote, asked about new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, app, console, emit, ready_to_write


@app.command()
def predict(
    csv: Annotated[Path, typer.Option("--csv", help="Rows to judge: user_id, item_id and any feature columns.")],
    model: Annotated[Path, typer.Option(help="File that `shoplens train --csv` wrote.")] = Path(
        "recommendation_model.pt"
    ),
    out: Annotated[Path | None, typer.Option(help="Write a CSV here; default: print the first rows.")] = None,
    json: JsonFlag = False,
) -> None:
    """How probable it is that each person chooses each product (or how they would rate it).

    People and products that were not in training are judged by their columns. Rows without a person or a product (or,
    for a model that knows times, with a timestamp that cannot be read) are refused, counted by reason and, with --out,
    written to OUT_refused.jsonl; all others are answered, in the order of the file.
    """
    import polars as pl

    from shoplens.learning.tabular import load
    from shoplens.learning.tabular_reading import ITEM, USER, read_table

    refused = None if out is None else out.with_name(f"{out.stem}_refused.jsonl")
    if out is not None and refused is not None:
        ready_to_write(out)
        refused.unlink(missing_ok=True)
    known = load(model)
    table = read_table(csv, needed=(USER, ITEM), report=refused, timed=known.estimator.past.timed)
    answer = known.predict(table)
    name = "rating" if known.scale.rating else "probability"
    result = table.cells.select(USER, ITEM).with_columns(
        pl.Series("line", table.lines), pl.Series(name, answer).round(6)
    )
    summary = table.report.summary()
    for example in summary["examples"]:
        count = summary["reasons"][example["reason"]]
        words = f"refused: {count:,} × {example['reason']} (for example line {example['line']})"
        console.print(words, highlight=False, markup=False, soft_wrap=True)
    unknown = {
        "people": int(sum(one not in known.users for one in table.cells[USER].unique())),
        "products": int(sum(one not in known.items for one in table.cells[ITEM].unique())),
    }
    if out is not None:
        result.write_csv(out)
    shown = {
        "rows": result.height,
        "refused": table.report.refused,
        "refused_rows": str(refused) if refused is not None and table.report.refused else None,
        "unknown_people": unknown["people"],
        "unknown_products": unknown["products"],
        "out": None if out is None else str(out),
    }
    if json:
        emit({**shown, "predictions": result.to_dicts() if out is None else None}, json=True)
        return
    emit(shown, json=False)
    if out is None:
        with pl.Config(tbl_rows=20, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
            emit({}, json=False, table=str(result.head(20)))
