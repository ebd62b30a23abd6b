"""The sample events in `events/`, one for each function, and the set-up of a built function."""

import hashlib
import json
import re
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from tests.support import template
from tools.functions import built as functions
from tools.functions.scenario import UPLOADED, VERBS
from tools.stack.storage import INBOX, VARIABLES

ROOT = Path(__file__).parents[3]
EVENTS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("*.json"))}
HTTP = sorted(verb for verb, event in EVENTS.items() if "routeKey" in event)


def test_every_function_has_a_sample_event_and_is_called_in_the_life_of_an_index() -> None:
    handlers = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert handlers == set(EVENTS) == set(VERBS)
    assert len(VERBS) == len(set(VERBS))


@pytest.mark.parametrize("verb", HTTP)
def test_a_sample_event_is_for_a_route_of_its_function(verb: str) -> None:
    event = EVENTS[verb]
    assert template.routes()[event["routeKey"]].name == verb
    assert event["requestContext"]["routeKey"] == event["routeKey"]
    method, path = event["routeKey"].split(" ")
    assert event["rawPath"] == path.format(**event.get("pathParameters", {}))
    assert (event["requestContext"]["http"]["method"], event["requestContext"]["http"]["path"]) == (
        method,
        event["rawPath"],
    )


def test_the_message_of_the_ingest_event_names_the_file_of_the_upload_event() -> None:
    [record] = EVENTS["ingest"]["Records"]
    [event] = json.loads(record["body"])["Records"]
    bucket, file = event["s3"]["bucket"], event["s3"]["object"]
    stated = json.loads(EVENTS["upload"]["body"])
    assert (bucket["name"], bucket["arn"]) == (INBOX, f"arn:aws:s3:::{INBOX}")
    assert re.fullmatch(r"uploads/films/[0-9a-f]{32}/" + re.escape(stated["file"]), unquote_plus(file["key"]))
    assert "+" in file["key"]  # so that the URL encoding of keys is tested
    assert (file["eTag"], file["size"]) == (hashlib.md5(UPLOADED).hexdigest(), len(UPLOADED))
    assert stated["bytes"] == len(UPLOADED)
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()


def test_local_runs_have_a_value_for_every_variable_that_a_deployment_computes() -> None:
    template_text = (ROOT / "template.yaml").read_text()
    assert set(re.findall(r"^ +(VECTORD_\w+): !", template_text, re.MULTILINE)) <= set(VARIABLES)


def test_a_built_function_has_the_settings_of_the_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tmp_path / "template.yaml"
    built.write_text(
        """
        Parameters: {MemorySize: {Default: 1024}}
        Globals:
          Function:
            {Handler: handler.lambda_handler, Timeout: 29, MemorySize: {Ref: MemorySize}, Layers: [{Ref: Layer}],
             Environment: {Variables: {A: "1"}}}
        Resources:
          Layer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: Layer}}
          More: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: More}}
          IngestFunction:
            Type: AWS::Serverless::Function
            Properties:
              {CodeUri: IngestFunction, Timeout: 120, Layers: [{Ref: More}],
               Environment: {Variables: {B: {Ref: MemorySize}}}}
        """
    )
    monkeypatch.setattr(functions, "BUILT_TEMPLATE", built)
    monkeypatch.setattr(functions, "BUILD", tmp_path)
    assert functions.built() == {
        "ingest": functions.Function(
            "IngestFunction",
            tmp_path / "IngestFunction",
            "handler.lambda_handler",
            120,
            1024,
            (tmp_path / "Layer", tmp_path / "More"),
            {"A": "1", "B": {"Ref": "MemorySize"}},
        )
    }
