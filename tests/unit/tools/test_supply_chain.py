"""What ships is pinned by hash, and listed in a bill of materials."""

import hashlib
import json
import re
from importlib import metadata
from pathlib import Path

import pytest

from tools.build import sbom
from tools.command.errors import GateFailed
from tools.command.paths import ROOT
from tools.env import lock, pins
from tools.env.pins import Pin

pytestmark = pytest.mark.slow

HASH = "ab" * 32


def test_the_layers_pin_these_distributions_by_hash() -> None:
    names = {pin.name for pin in pins.shipped()}
    assert names == {
        *("annoy", "aws-lambda-powertools", "boto3", "duckdb", "isal", "msgspec", "numpy", "obstore", "pysimdjson"),
        *("pystemmer", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "typing-extensions", "urllib3"),
    }
    assert [pin.name for pin in pins.shipped() if not pin.hashes] == []


def test_annoy_may_be_installed_from_one_file_alone() -> None:
    assert [len(pin.hashes) for pin in pins.shipped() if pin.name == "annoy"] == [1]


@pytest.mark.parametrize("path", lock.EXPORTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_exported_file_is_what_the_lock_says(path: Path, tmp_path: Path) -> None:
    assert path.read_text() == lock.exported(path, tmp_path)


def test_the_lock_is_what_pyproject_asks_for(tmp_path: Path) -> None:
    lock.check(tmp_path)


def test_the_tests_run_with_what_ships() -> None:
    assert [(pin.name, metadata.version(pin.name)) for pin in pins.shipped()] == [
        (p.name, p.version) for p in pins.shipped()
    ]


def test_the_lock_names_the_public_registry_alone() -> None:
    urls = re.findall(r"https?://[^/\"]+|file:|ssh:|git\+", pins.LOCK.read_text() + pins.CLIENT_LOCK.read_text())
    assert set(urls) == {"https://pypi.org", "https://files.pythonhosted.org"}


def test_every_file_of_the_lock_and_of_the_build_has_a_hash() -> None:
    assert [pin for pin in pins.others() if not pin.hashes] == []
    assert {pin.name for pin in pins.build_constraints()} == {"nose", "packaging", "setuptools", "wheel"}


def test_pip_gets_the_build_constraints_with_their_hashes(tmp_path: Path) -> None:
    pins.write_build_constraints(tmp_path / "constraints.txt")
    lines = (tmp_path / "constraints.txt").read_text().splitlines()
    assert [line.split() for line in lines] == [
        [f"{pin.name}=={pin.version}", *(f"--hash=sha256:{sha256}" for sha256 in pin.hashes)]
        for pin in pins.build_constraints()
    ]


@pytest.mark.parametrize("line", ["numpy>=2", "numpy==2 ; sys_platform == 'linux'", "numpy"])
def test_a_requirement_that_is_not_exact_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=re.escape(line)):
        list(pins.required(tmp_path / "some.txt"))


def test_a_pin_is_read_with_comments_and_hashes(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(
        f"# one\nA.b_c==1.2\n    # via d\n\nd==3 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'cd' * 32}\n"
    )
    assert list(pins.required(tmp_path / "some.txt")) == [Pin("A.b_c", "1.2"), Pin("d", "3", (HASH, "cd" * 32))]
    assert Pin("A.b_c", "1.2").purl == "pkg:pypi/a-b-c@1.2"


def built(folder: Path, **versions: str) -> Path:
    """Return a folder as pip writes it: a distribution of each name, with a shared library."""
    for name, version in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: MIT\n"
        )
        folder.joinpath(f"{name}.abi3.so").write_bytes(b"\x7fELF")
        info.joinpath("RECORD").write_text(f"{name}.abi3.so,,\n{name}.py,,\n")
    return folder


def with_kernel(layer: Path, content: bytes) -> Path:
    """Add a library that no distribution lists, as the build does."""
    kernel = layer / "vectord/index/kernels/native.abi3.so"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_bytes(content)
    return layer


ONE, TWO = Pin("one", "1.0", (HASH,)), Pin("two", "2.0", (HASH,))


def test_the_bill_lists_the_built_distributions_and_matches_the_schema(tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator  # takes two seconds

    bill = sbom.bill_of_materials([built(tmp_path / "layer", two="2.0", one="1.0")], [ONE, TWO], tmp_path)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert [(each["name"], each["version"], each["purl"]) for each in bill["components"]] == [
        ("one", "1.0", "pkg:pypi/one@1.0"),
        ("two", "2.0", "pkg:pypi/two@2.0"),
    ]
    first = bill["components"][0]
    assert [each["license"]["id"] for each in first["licenses"]] == ["MIT"]
    assert first["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": HASH}]
    assert [file["name"] for file in first["components"]] == ["one.abi3.so"]
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("vectord", pins.project_version())
    assert bill["dependencies"][-1] == {"ref": root["bom-ref"], "dependsOn": ["one==1.0", "two==2.0"]}


def test_the_bill_of_one_build_is_always_the_same(tmp_path: Path) -> None:
    folder = built(tmp_path / "a", one="1.0")
    first, second = (sbom.bill_of_materials([folder], [ONE], tmp_path) for _ in range(2))
    assert first == second
    other = built(tmp_path / "b", one="1.0")
    other.joinpath("one.abi3.so").write_bytes(b"another")
    assert sbom.bill_of_materials([other], [ONE], tmp_path)["serialNumber"] != first["serialNumber"]


def test_a_library_of_no_distribution_is_listed_as_a_part_of_vectord(tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    layer = with_kernel(built(tmp_path / "layer", one="1.0"), b"kernel")
    bill = sbom.bill_of_materials([layer, built(tmp_path / "files", two="2.0")], [ONE, TWO], tmp_path)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert bill["metadata"]["component"]["components"] == [
        {
            "type": "file",
            "name": "vectord/index/kernels/native.abi3.so",
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(b"kernel").hexdigest()}],
        }
    ]
    assert [each["name"] for each in bill["components"]] == ["one", "two"]
    with_kernel(layer, b"another")
    other = sbom.bill_of_materials([layer, tmp_path / "files"], [ONE, TWO], tmp_path)
    assert other["serialNumber"] != bill["serialNumber"]


@pytest.mark.parametrize(
    ("there", "pinned"),
    [
        pytest.param({"one": "1.0", "two": "2.0"}, [ONE], id="a distribution that is not pinned"),
        pytest.param({"one": "1.1"}, [ONE], id="another version"),
        pytest.param({"one": "1.0"}, [ONE, TWO], id="a missing distribution"),
    ],
)
def test_a_build_that_differs_from_the_pins_is_refused(
    there: dict[str, str], pinned: list[Pin], tmp_path: Path
) -> None:
    with pytest.raises(GateFailed):
        sbom.bill_of_materials([built(tmp_path / "layer", **there)], pinned, tmp_path)
