"""Generated input is not timed: other work on the machine must not fail a test."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("patient")
