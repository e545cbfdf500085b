"""Which of some classes a text belongs to, with probabilities that mean what they say."""

from shoplens.models.classifier.base import TextClassifier, load_classifier
from shoplens.models.classifier.linear import LinearClassifier

__all__ = ["LinearClassifier", "TextClassifier", "load_classifier"]
