"""Hypothesis without its deadline: a busy machine is no defect; and indexes that have a past, plain and packed."""

import pytest
from hypothesis import settings

from tests.support.past import Past, Story

settings.register_profile("vectord", deadline=None)
settings.load_profile("vectord")


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def story(request: pytest.FixtureRequest) -> Story:
    return Story(packed=request.param)


@pytest.fixture
def past(story: Story) -> Past:
    return story.past()
