"""Absurd prices and quantities: a running robust z-score per group of products, on logarithms.

For each group a histogram of log2(value) in steps of 1/8 is kept; it is additive, so a file of any length is judged in
the memory of its histograms, and what a chunk teaches counts for the chunk itself. From it come the median and the
median absolute deviation (MAD), which a few wrong values cannot move (Iglewicz and Hoaglin, "How to Detect and Handle
Outliers", 1993). The deviation is at least one doubling, so a group whose values are all alike does not call a pack of
six absurd; with the default limit of 10 a value must be more than a thousand times off before it is refused. Groups of
fewer than `MIN_VALUES` values are not judged.

A quantity or price is absurd only if the sum paid is, too: petrol is sold by the thousandth of a gallon, and 10,000
units at a quarter of a cent are another unit of measure, not a mistake.
"""

from __future__ import annotations

import polars as pl

STEPS = 8  # histogram steps a doubling
MIN_VALUES = 20  # values of a group before it is judged
MAX_ROWS = 300_000  # histogram rows kept: some 12 MB
LIMIT = 10.0  # robust z-score that is absurd
MIN_DEVIATION = 1.0  # doublings; the least scale of a group
_COUNT = pl.len().cast(pl.Int64).alias("count")
_TO_SIGMA = 1.4826  # MAD of a normal distribution × this = its standard deviation


class Amounts:
    """Judges quantities, prices and their product, each among its like."""

    def __init__(self) -> None:
        self._quantities = RunningOutliers(both_sides=False)
        self._prices = RunningOutliers(both_sides=True)
        self._sums = RunningOutliers(both_sides=True)

    def absurd(self, quantity: pl.Series, price: pl.Series, groups: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Which quantities and which prices are absurd. Two Boolean series, [rows]."""
        far_quantity = self._quantities.absurd(quantity, groups)
        far_price = self._prices.absurd(price, groups)
        paid = quantity.fill_null(1.0) * price
        far_paid = self._sums.absurd(paid, groups) | paid.is_null()
        return far_quantity & far_paid, far_price & far_paid


class RunningOutliers:
    """Judges one quantity (prices, say) of one source."""

    def __init__(self, *, both_sides: bool) -> None:
        self._both_sides = both_sides  # whether far too small is absurd too
        self._histogram: list[pl.DataFrame] = []  # parts that add up
        self._rows = 0  # of all parts
        self._spans = pl.DataFrame(schema={"group": pl.String, "least": pl.Int32, "most": pl.Int32})

    def absurd(self, values: pl.Series, groups: pl.Series) -> pl.Series:
        """Which values are absurd for their group. Null, zero and groupless ones are not. Boolean, [rows]."""
        frame = pl.DataFrame({"group": groups, "value": values}).with_columns(
            pl.when(pl.col("value") > 0).then((pl.col("value").log(2) * STEPS).round().cast(pl.Int32)).alias("bin")
        )
        nothing = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        if frame["bin"].null_count() == frame.height:
            return nothing
        new = frame.lazy().drop_nulls(["group", "bin"]).group_by("group", "bin").agg(_COUNT).collect()
        self._add(new)
        wide = self._widened(new)
        if wide.is_empty():
            return nothing
        judged = frame.join(self._limits(wide), on="group", how="left", maintain_order="left")
        far = pl.col("bin") > pl.col("high")
        if self._both_sides:
            far = far | (pl.col("bin") < pl.col("low"))
        return judged.select(far.fill_null(False)).to_series()

    def _widened(self, new: pl.DataFrame) -> pl.DataFrame:
        """Groups of `new` whose values lie so far apart that one of them can be absurd: few, so the rest is cheap."""
        here = new.lazy().group_by("group").agg(pl.col("bin").min().alias("least"), pl.col("bin").max().alias("most"))
        spans = pl.concat([self._spans.lazy(), here]).group_by("group").agg(pl.col("least").min(), pl.col("most").max())
        self._spans = spans.collect()
        if self._spans.height > MAX_ROWS:
            self._spans = self._spans.head(0)
        far = self._spans.filter(pl.col("most") - pl.col("least") > MIN_DEVIATION * STEPS * LIMIT)
        return far.select("group").join(new, on="group", how="semi")

    def _limits(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Bins between which the values of each group with enough of them are plausible."""
        known = (
            pl.concat([part.join(groups, on="group", how="semi") for part in self._histogram])
            .lazy()
            .group_by("group", "bin")
            .agg(pl.col("count").sum())
            .with_columns(pl.col("count").sum().over("group").alias("total"))
            .filter(pl.col("total") >= MIN_VALUES)
            .collect()
        )
        median = _weighted_median(known, "bin").rename({"bin": "median"})
        spread = known.join(median, on="group").with_columns((pl.col("bin") - pl.col("median")).abs().alias("off"))
        mad = _weighted_median(spread, "off")
        reach = pl.max_horizontal(pl.col("off") * _TO_SIGMA, pl.lit(MIN_DEVIATION * STEPS)) * LIMIT
        return median.join(mad, on="group").select(
            "group", (pl.col("median") + reach).alias("high"), (pl.col("median") - reach).alias("low")
        )

    def _add(self, new: pl.DataFrame) -> None:
        """Another part of the histogram; all are added up when they hold too many rows."""
        self._histogram.append(new)
        self._rows += new.height
        if self._rows <= MAX_ROWS:
            return
        whole = pl.concat(self._histogram).group_by("group", "bin").agg(pl.col("count").sum())
        if whole.height > MAX_ROWS // 2:  # only the groups with the most values
            sizes = whole.group_by("group").agg(pl.col("count").sum().alias("total"), pl.len().alias("rows"))
            order = sizes.sort("total", "group", descending=[True, False])
            whole = whole.join(order.filter(pl.col("rows").cum_sum() <= MAX_ROWS // 2), on="group", how="semi")
        self._histogram, self._rows = [whole], whole.height


def _weighted_median(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Per group, the first value of `column` at which half of the counts are reached."""
    return (
        rows.sort("group", column)
        .filter(pl.col("count").cum_sum().over("group") * 2 >= pl.col("total"))
        .group_by("group", maintain_order=True)
        .agg(pl.col(column).first())
    )
