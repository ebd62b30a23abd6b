"""The clients that docs/s3vectors.md lists are those that are pinned, and its JavaScript is what the tests run."""

import json
import re

from tests.support.pages import text_of
from tools.env import pins

SECTION = text_of("docs/s3vectors.md").partition("\n## Clients\n")[2]
JAVASCRIPT = "@aws-sdk/client-s3vectors"


def test_the_page_lists_the_pinned_versions_of_the_clients() -> None:
    listed = dict(re.findall(r"^\| (\S+) \| ([\d.]+) \|", SECTION, re.MULTILINE))
    assert (
        listed.pop(JAVASCRIPT)
        == json.loads(text_of("tests/clients/javascript/package.json"))["dependencies"][JAVASCRIPT]
    )
    assert len(listed) == 8
    assert listed.items() <= {(pin.name, pin.version) for pin in pins.locked()}


def test_every_package_of_npm_is_pinned_by_hash() -> None:
    packages = json.loads(text_of("tests/clients/javascript/package-lock.json"))["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    assert {package.get("hasInstallScript") for package in packages.values()} == {None}


def test_the_signature_in_javascript_is_the_one_that_the_tests_use() -> None:
    [shown] = re.findall(r"```js\n.*?(class .*?\n}\n)", text_of("docs/s3vectors.md"), re.DOTALL)
    assert shown in text_of("tests/clients/javascript/iam.test.js")
