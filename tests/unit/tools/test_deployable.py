"""What is deployed on MiniStack: the built template with an archive in place of each folder."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from tools.stack import template

BUILT = """
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: Layer}
  SearchFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: SearchFunction, Handler: handler.lambda_handler}
"""


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build = tmp_path / "build"
    for name, text in [("Layer/python/vectord/__init__.py", "LAYER = 1"), ("SearchFunction/handler.py", "CODE = 1")]:
        (build / name).parent.mkdir(parents=True)
        (build / name).write_text(text)
    (build / "template.yaml").write_text(BUILT)
    monkeypatch.setattr(template, "BUILD", build)
    monkeypatch.setattr(template, "BUILT_TEMPLATE", build / "template.yaml")
    return build


def archives(folder: Path, layer: Path | None = None) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    resources = json.loads(template.write_deployable(folder, layer).read_text())["Resources"]
    named = {"Layer": "ContentUri", "SearchFunction": "CodeUri"}
    return {name: Path(resources[name]["Properties"][key]) for name, key in named.items()}


def contents(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_an_archive_has_the_files_of_its_folder(build: Path, tmp_path: Path) -> None:
    found = archives(tmp_path / "out")
    assert contents(found["Layer"]) == {"python/vectord/__init__.py": b"LAYER = 1"}
    assert contents(found["SearchFunction"]) == {"handler.py": b"CODE = 1"}


def test_another_layer_replaces_the_built_one(build: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/text").write_text("another")
    found = archives(tmp_path / "out", tmp_path / "other")
    assert contents(found["Layer"]) == {"text": b"another"}
    assert contents(found["SearchFunction"]) == {"handler.py": b"CODE = 1"}


def test_the_same_files_are_the_same_archive_at_any_time(build: Path, tmp_path: Path) -> None:
    before = archives(tmp_path / "a")["Layer"].read_bytes()
    os.utime(build / "Layer/python/vectord/__init__.py", (1_700_000_000, 1_700_000_000))
    assert archives(tmp_path / "b")["Layer"].read_bytes() == before


def test_an_executable_stays_one(build: Path, tmp_path: Path) -> None:
    (build / "SearchFunction/handler.py").chmod(0o755)
    with zipfile.ZipFile(archives(tmp_path / "out")["SearchFunction"]) as opened:
        assert opened.getinfo("handler.py").external_attr >> 16 == 0o755
