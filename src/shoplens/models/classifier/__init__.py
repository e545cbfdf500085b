"""Which of some classes a text belongs to, with probabilities that mean what they say."""

from shoplens.models.classifier.base import TextClassifier
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.classifier.linear import LinearClassifier
from shoplens.models.classifier.saved import load_classifier

__all__ = ["FinetunedClassifier", "LinearClassifier", "TextClassifier", "load_classifier"]
