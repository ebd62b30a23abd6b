"""Hypothesis without its deadline: a busy machine is no defect."""

from hypothesis import settings

settings.register_profile("vectord", deadline=None)
settings.load_profile("vectord")
