"""Absurd prices and quantities: a running robust z-score per group of products, on logarithms.

For each group a histogram of log2(value) in steps of 1/8 is kept; it is additive, so a file of any length is judged in
the memory of its histograms, and what a chunk teaches counts for the chunk itself. From it come the median and the
median absolute deviation (MAD), which a few wrong values cannot move (Iglewicz and Hoaglin, "How to Detect and Handle
Outliers", 1993). The deviation is at least one doubling, so a group whose values are all alike does not call a pack of
six absurd; with the default limit of 10 a value must be more than a thousand times off before it is refused. Groups of
fewer than `MIN_VALUES` values are not judged: petrol is sold by the thousandth of a gallon, and quantities of 10,000 are right there.
"""

from __future__ import annotations

import polars as pl

STEPS = 8  # histogram steps a doubling
MIN_VALUES = 20  # values of a group before it is judged
MAX_ROWS = 300_000  # histogram rows kept: some 12 MB
LIMIT = 10.0  # robust z-score that is absurd
MIN_DEVIATION = 1.0  # doublings; the least scale of a group
_TO_SIGMA = 1.4826  # MAD of a normal distribution × this = its standard deviation


class RunningOutliers:
    """Judges one quantity (prices, say) of one source."""

    def __init__(self, *, both_sides: bool) -> None:
        self._both_sides = both_sides  # whether far too small is absurd too
        self._histogram = pl.DataFrame(schema={"group": pl.String, "bin": pl.Int32, "count": pl.Int64})

    def absurd(self, values: pl.Series, groups: pl.Series) -> pl.Series:
        """Which values are absurd for their group. Null, zero and groupless ones are not. Boolean, [rows]."""
        frame = pl.DataFrame({"group": groups, "value": values}).with_columns(
            pl.when(pl.col("value") > 0).then((pl.col("value").log(2) * STEPS).round().cast(pl.Int32)).alias("bin")
        )
        if frame["bin"].null_count() == frame.height:
            return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        new = (
            frame.filter(pl.col("bin").is_not_null() & pl.col("group").is_not_null())
            .group_by("group", "bin")
            .agg(pl.len().cast(pl.Int64).alias("count"))
        )
        self._histogram = self._bounded(
            pl.concat([self._histogram, new]).group_by("group", "bin").agg(pl.col("count").sum())
        )
        limits = self._limits(new.select("group").unique())
        judged = frame.join(limits, on="group", how="left", maintain_order="left")
        far = pl.col("bin") > pl.col("high")
        if self._both_sides:
            far = far | (pl.col("bin") < pl.col("low"))
        return judged.select(far.fill_null(False)).to_series()

    def _limits(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Bins between which the values of each group with enough of them are plausible."""
        known = (
            self._histogram.join(groups, on="group", how="semi")
            .with_columns(pl.col("count").sum().over("group").alias("total"))
            .filter(pl.col("total") >= MIN_VALUES)
        )
        median = _weighted_median(known, "bin").rename({"bin": "median"})
        spread = known.join(median, on="group").with_columns((pl.col("bin") - pl.col("median")).abs().alias("off"))
        mad = _weighted_median(spread, "off")
        reach = pl.max_horizontal(pl.col("off") * _TO_SIGMA, pl.lit(MIN_DEVIATION * STEPS)) * LIMIT
        return median.join(mad, on="group").select(
            "group", (pl.col("median") + reach).alias("high"), (pl.col("median") - reach).alias("low")
        )

    @staticmethod
    def _bounded(histogram: pl.DataFrame) -> pl.DataFrame:
        """Only the groups with the most values, when there are too many."""
        if histogram.height <= MAX_ROWS:
            return histogram
        sizes = histogram.group_by("group").agg(pl.col("count").sum().alias("total"), pl.len().alias("rows"))
        kept = sizes.sort("total", "group", descending=[True, False]).filter(pl.col("rows").cum_sum() <= MAX_ROWS // 2)
        return histogram.join(kept, on="group", how="semi")


def _weighted_median(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Per group, the first value of `column` at which half of the counts are reached."""
    return (
        rows.sort("group", column)
        .filter(pl.col("count").cum_sum().over("group") * 2 >= pl.col("total"))
        .group_by("group", maintain_order=True)
        .agg(pl.col(column).first())
    )
