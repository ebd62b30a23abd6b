"""The built template as MiniStack takes it: the same but for what it refuses, which is told."""

import json
from pathlib import Path

from tools import template
from tools.paths import BUILD, BUILT_TEMPLATE

_FOLDERS = ("CodeUri", "ContentUri")


def write(folder: Path) -> Path:
    """Write the template to deploy into `folder`."""
    built = template.load(BUILT_TEMPLATE)
    for name in left_out():
        del built["Resources"][name]
    for resource in built["Resources"].values():
        properties = resource["Properties"]
        properties |= {key: str(BUILD / properties[key]) for key in _FOLDERS if key in properties}
    path = folder / "template.json"
    path.write_text(json.dumps(built))
    return path


def left_out() -> list[str]:
    """Name the alarms over sums of metrics: MiniStack refuses the whole stack for one of them."""
    alarms = template.resources(template.load(BUILT_TEMPLATE), "AWS::CloudWatch::Alarm")
    return [name for name, alarm in alarms if "Metrics" in alarm["Properties"]]
