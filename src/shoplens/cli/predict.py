"""`shoplens predict`: a model that `shoplens train --csv` wrote, asked about new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, app, console, emit


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

    People and products that were not in training are judged by their columns. Rows without a person or a product are
    refused with their line; all others are answered, in the order of the file.
    """
    import polars as pl

    from shoplens.learning.tabular import load
    from shoplens.learning.tabular_reading import ITEM, USER, read_table

    known = load(model)
    table = read_table(csv, needed=(USER, ITEM))
    answer = known.predict(table)
    name = "rating" if known.scale.rating else "probability"
    result = table.cells.select(USER, ITEM).with_columns(
        pl.Series("line", table.lines), pl.Series(name, answer).round(6)
    )
    for example in table.report.summary()["examples"]:
        console.print(f"refused: line {example['line']}: {example['reason']}", highlight=False, markup=False)
    unknown = {
        "people": int(sum(one not in known.users for one in table.cells[USER].unique())),
        "products": int(sum(one not in known.items for one in table.cells[ITEM].unique())),
    }
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        result.write_csv(out)
    shown = {
        "rows": result.height,
        "refused": table.report.refused,
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
