"""What embedded mode says where the engine cannot run."""

import sys

import pytest

from vectord_client.embedded import requirements
from vectord_client.errors import MissingExtra


@pytest.mark.parametrize("version", [(3, 11, 9), (3, 14, 0)])
def test_another_python_is_refused_before_the_engine_is_imported(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(MissingExtra, match=r"needs Python 3\.12 or 3\.13, and this is Python 3\.1"):
        requirements.check_requirements()


def test_a_missing_library_names_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r"\(not_installed\).*pip install 'vectord-client\[embedded\]'"):
        requirements.check_requirements("not_installed")
