"""Which of some classes a text belongs to, with probabilities that mean what they say.

Both kinds are imported from their own files: torch comes with one, scikit-learn with the other.
"""

from shoplens.models.classifier.base import TextClassifier
from shoplens.models.classifier.saved import load_classifier

__all__ = ["TextClassifier", "load_classifier"]
