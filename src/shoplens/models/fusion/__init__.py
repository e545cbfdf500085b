"""The fusion network: products from all their modalities, people from what they did."""

from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.recommender import Fusion

__all__ = ["Fusion", "FusionConfig"]
