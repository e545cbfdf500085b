"""How surprising the posts of one window are, were a surge under way rather than business as usual.

Both functions give log-likelihood ratios of distributions that are fixed before the window is looked at. That is all
that the false-alarm bound of `surges` needs; how well they fit only decides how soon a surge is found.
"""

from __future__ import annotations

from math import lgamma, log

ODDS = (2.0, 4.0)  # by which a surge multiplies the odds of a negative post; the truth may lie anywhere above
RATES = (2.0, 4.0)  # by which it multiplies the number of posts


def tone_evidence(negative: int, posts: int, share: float, weight: float) -> tuple[float, ...]:
    """For each of `ODDS`: log of (probability of so many negative posts in a surge / as usual).

    Beta-binomial: the usual share is known only as well as `weight` posts tell it, and moves a little by itself.
    """
    if not posts:
        return (0.0,) * len(ODDS)
    usual = _beta_binomial(negative, posts, share * weight, (1.0 - share) * weight)
    found = []
    for odds in ODDS:
        raised = odds * share / (1.0 - share + odds * share)
        found.append(_beta_binomial(negative, posts, raised * weight, (1.0 - raised) * weight) - usual)
    return tuple(found)


def volume_evidence(posts: int, expected: float, shape: float) -> tuple[float, ...]:
    """For each of `RATES`: log of (probability of so many posts in a surge / as usual).

    Negative binomial with mean `expected` and variance expected + expected² / shape.
    """
    return tuple(
        posts * log(rate) + (posts + shape) * log((shape + expected) / (shape + rate * expected)) for rate in RATES
    )


def _beta_binomial(k: int, n: int, a: float, b: float) -> float:
    """Log probability but for the binomial coefficient, which cancels out in ratios."""
    return lgamma(k + a) - lgamma(a) + lgamma(n - k + b) - lgamma(b) + lgamma(a + b) - lgamma(n + a + b)
