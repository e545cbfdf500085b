"""Profiles of people: what each chooses, how they come, what is predicted, which segment fits, who is alike."""

from shoplens.apps.profile.crowd import Alike, Audience, CrowdMember, Everybody
from shoplens.apps.profile.facts import Profile
from shoplens.apps.profile.profiles import Profiles

__all__ = ["Alike", "Audience", "CrowdMember", "Everybody", "Profile", "Profiles"]
