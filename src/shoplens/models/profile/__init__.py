"""What profiles of people are worked out with: shop averages, habits, predictions and segments; nobody's own data."""

from shoplens.models.profile.deeds import Deeds
from shoplens.models.profile.model import ProfileModel

__all__ = ["Deeds", "ProfileModel"]
