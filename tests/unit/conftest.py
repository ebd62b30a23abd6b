"""Hypothesis without a deadline for each example, because a loaded machine is not a defect."""

from hypothesis import settings

settings.register_profile("vectord", deadline=None)
settings.load_profile("vectord")
