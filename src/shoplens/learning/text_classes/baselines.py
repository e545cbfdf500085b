"""What any classifier of texts must beat besides the most frequent class: the textbook's tf-idf with a regression."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from shoplens.learning.metrics.classification import ClassificationReport, classification_report

SPACED = 0.08  # blanks among characters; Chinese has hardly any, English one in six


@dataclass(frozen=True, slots=True)
class Baseline:
    """How it did."""

    report: ClassificationReport
    train_seconds: float


def tfidf_lr(texts: Sequence[str], labels: Sequence[str], judged: Sequence[str], truth: Sequence[str]) -> Baseline:
    """Words and pairs of words (of scripts without spaces: one to three characters) and a logistic regression."""
    began = time.perf_counter()
    pipeline = _pipeline(texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(list(texts), list(labels))
    seconds = time.perf_counter() - began
    return Baseline(classification_report(np.array(truth), pipeline.predict(list(judged))), seconds)


def _pipeline(texts: Sequence[str]) -> Pipeline:
    sample = "".join(texts[:: max(len(texts) // 500, 1)])
    spaced = sample.count(" ") >= SPACED * max(len(sample), 1)
    terms = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 3), "min_df": 2}
    return make_pipeline(
        TfidfVectorizer(sublinear_tf=True, **terms),
        LogisticRegression(C=10, max_iter=300),
    )
