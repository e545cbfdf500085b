"""What is usual for one series: the share of negative posts, how many come at which hour, and how far both vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from shoplens.apps.opinions.seasons import Seasons
from shoplens.domain.opinions import Count

SHARE, WEIGHT = 0.2, 10.0  # of negative posts where nothing at all is known, and the posts that this counts for
PARENT_POSTS = 4.0  # posts that the shop-wide share counts for in a series: its own may well be another
SPREAD = 0.02  # correlation of posts in one window (they answer one another), until the series shows its own
BURST = 0.15  # squared coefficient of variation of the rate of posts, likewise
PRIOR_WINDOWS = 20.0  # windows that these two count for


@dataclass(slots=True)
class Usual:
    """Sums that fade with time. Everything is learnt from windows in which no surge was suspected."""

    posts: float = 0.0
    negative: float = 0.0
    spread: float = 0.0  # excess of squared residuals of negative posts
    spread_of: float = 0.0  # pairs of posts in a window that it was seen in
    volume: float = 0.0  # posts
    exposure: float = 0.0  # windows, each as long as its season is high
    burst: float = 0.0  # excess of squared residuals of numbers of posts
    burst_of: float = 0.0  # squared expectations that it was seen in
    seasons: Seasons = field(default_factory=Seasons)

    def share(self, parent: Usual | None) -> float:
        """Usual share of negative posts, drawn towards the shop-wide one where posts are few."""
        prior, weight = (SHARE, WEIGHT) if parent is None else (parent.share(None), PARENT_POSTS)
        return min(max((self.negative + weight * prior) / (self.posts + weight), 0.005), 0.995)

    def weight(self, parent: Usual | None) -> float:
        """Posts that the share is worth: few when it is known badly, or moves by itself."""
        known = self.posts + (WEIGHT if parent is None else PARENT_POSTS)
        correlation = (self.spread + PRIOR_WINDOWS * SPREAD) / (self.spread_of + PRIOR_WINDOWS)
        return 1.0 / (1.0 / known + min(max(correlation, 0.002), 0.5))

    def season(self, start: int, parent: Usual | None) -> float:
        """Factor of the hour and weekday in which a window starts, as the shop's clock shows it; 1 on average."""
        return self.seasons.factor(start, parent.seasons if parent is not None else None)

    def expected(self, season: float) -> float:
        """Posts of a window with that factor."""
        return (self.volume + 0.5) / (self.exposure + 1.0) * season

    def shape(self, expected: float) -> float:
        """Of the negative binomial: small when posts come in bursts, or the rate is known badly."""
        prior = PRIOR_WINDOWS * max(expected, 1e-3) ** 2
        varies = (self.burst + prior * BURST) / (self.burst_of + prior)
        return 1.0 / (min(max(varies, 0.02), 10.0) + 1.0 / (self.volume + 1.0))

    def fade(self, factor: float) -> None:
        """Time passes: sums keep this share."""
        self.posts *= factor
        self.negative *= factor
        self.spread *= factor
        self.spread_of *= factor
        self.volume *= factor
        self.exposure *= factor
        self.burst *= factor
        self.burst_of *= factor
        self.seasons.fade(factor)

    def learn_tone(self, count: Count, share: float) -> None:
        """From one window, of which `share` was expected to be negative."""
        n = count.posts
        if n >= 2:
            residual = (count.negative - n * share) ** 2 / (n * share * (1.0 - share))
            self.spread += residual - 1.0
            self.spread_of += n - 1.0
        self.posts += n
        self.negative += count.negative

    def learn_volume(self, posts: int, start: int, expected: float, season: float) -> None:
        """From one window."""
        self.burst += (posts - expected) ** 2 - expected
        self.burst_of += expected**2
        self.volume += posts
        self.exposure += season
        self.seasons.learn(posts, start)

    def shrink(self, posts: float) -> None:
        """Remember no more than so many posts: what is new becomes usual soon."""
        if self.posts > posts:
            self.posts, self.negative = posts, self.negative * posts / self.posts
        if self.volume > posts:
            self.volume, self.exposure = posts, self.exposure * posts / self.volume

    def state(self) -> list[Any]:
        """For `of`: exactly as it is, so that who starts again goes on like who never stopped."""
        sums = (self.posts, self.negative, self.spread, self.spread_of)
        return [*sums, self.volume, self.exposure, self.burst, self.burst_of, self.seasons.state()]

    @classmethod
    def of(cls, state: Sequence[Any]) -> Self:
        """As it was."""
        usual = cls(*state[:8])
        usual.seasons = Seasons.of(state[8])
        return usual
