"""Where things are in the work tree."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv"
SAM = ENVIRONMENTS / "sam" / "bin" / "sam"
RUNTIME = ENVIRONMENTS / "runtime"
MINISTACK = ENVIRONMENTS / "stack" / "bin" / "ministack"
TEMPLATE = ROOT / "template.yaml"
BUILD = ROOT / ".aws-sam" / "build"
BUILT_TEMPLATE = BUILD / "template.yaml"
EXAMPLES = ROOT / "examples"
EVENTS = ROOT / "events"
CACHE = ROOT / ".cache"
