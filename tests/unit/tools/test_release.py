"""The release of a build: equal for equal files, another one for every change."""

from pathlib import Path

import pytest

from tools.build import release
from tools.command.errors import GateFailed

TEMPLATE = "Parameters: {MemorySize: {Default: 1769}}\nDescription: release UNBUILT\nValue: UNBUILT\n"


def build(folder: Path) -> Path:
    """Make a build with two layers and a function."""
    for path in ("Layer/python/vectord/a.py", "FilesLayer/python/duckdb.so", "SearchFunction/handler.py"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(path)
    (folder / "template.yaml").write_text(TEMPLATE)
    return folder


def test_equal_builds_in_different_folders_have_the_same_release(tmp_path: Path) -> None:
    assert release.of(build(tmp_path / "one")) == release.of(build(tmp_path / "two"))


@pytest.mark.parametrize(
    "path", ["Layer/python/vectord/a.py", "FilesLayer/python/duckdb.so", "SearchFunction/handler.py", "template.yaml"]
)
def test_one_changed_byte_gives_another_release(tmp_path: Path, path: str) -> None:
    changed = build(tmp_path)
    before = release.of(changed)
    content = bytearray((changed / path).read_bytes())
    content[0] ^= 1
    (changed / path).write_bytes(content)
    assert release.of(changed) != before


def test_a_changed_default_of_a_parameter_gives_another_release(tmp_path: Path) -> None:
    changed = build(tmp_path)
    before = release.of(changed)
    (changed / "template.yaml").write_text(TEMPLATE.replace("1769", "2048"))
    assert release.of(changed) != before


def test_a_renamed_file_gives_another_release(tmp_path: Path) -> None:
    renamed = build(tmp_path)
    before = release.of(renamed)
    (renamed / "Layer/python/vectord/a.py").rename(renamed / "Layer/python/vectord/b.py")
    assert release.of(renamed) != before


def test_the_boundary_between_two_files_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, contents in ((one, ("ab", "c")), (two, ("a", "bc"))):
        folder.mkdir()
        for name, content in zip("xy", contents, strict=True):
            (folder / name).write_text(content)
    assert release.of(one) != release.of(two)


def test_the_release_replaces_every_placeholder_and_nothing_else(tmp_path: Path) -> None:
    written = release.write(build(tmp_path))
    assert len(written) == 16
    assert (tmp_path / "template.yaml").read_text() == TEMPLATE.replace("UNBUILT", written)


def test_a_template_without_a_placeholder_is_refused(tmp_path: Path) -> None:
    (build(tmp_path) / "template.yaml").write_text("Description: fixed\n")
    with pytest.raises(GateFailed, match="has no UNBUILT"):
        release.write(tmp_path)
