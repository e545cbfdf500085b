"""Searching settings on validation: `tune` returns the best ones found, and what they are worth."""

from shoplens.learning.tune.findings import Tuned
from shoplens.learning.tune.search import Standing, tune
from shoplens.learning.tune.setup import Setup, Weigh

__all__ = ["Setup", "Standing", "Tuned", "Weigh", "tune"]
