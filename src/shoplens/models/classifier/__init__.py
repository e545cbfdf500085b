"""Which of some classes a text belongs to, with probabilities that mean what they say."""

from shoplens.models.classifier.base import TextClassifier
from shoplens.models.classifier.linear import LinearClassifier
from shoplens.models.classifier.saved import load_classifier

__all__ = ["LinearClassifier", "TextClassifier", "load_classifier"]
