"""The compact function: what it takes, what it answers and logs, and when Lambda is to repeat it."""

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.support import api, template
from tests.support.compacting import Kept, a_compaction
from tests.support.stores import ScriptedStore, silence
from vectord.edge import telemetry
from vectord.edge.events import compact
from vectord.errors import StorageSilent
from vectord.runtime import compaction
from vectord.storage.base import StoredObject
from vectord.storage.limits import STAGING

CONTEXT = SimpleNamespace(
    aws_request_id="request-1", function_name="compact", get_remaining_time_in_millis=lambda: 900_000
)


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def kept(store: ScriptedStore) -> Kept:
    return Kept(store.inner)


def invoke(store: ScriptedStore, event: Any, context: object = CONTEXT) -> dict[str, Any]:
    return compact.handler(lambda: a_compaction(store))(event, context)


def test_it_answers_and_logs_what_came_of_it(
    store: ScriptedStore, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(kept.held)
    done = invoke(store, {"index": "t"})
    line = json.loads(capsys.readouterr().out)
    assert (done["outcome"], done["rows"]) == ("compacted", size)
    assert (line["index"], line["outcome"], line["RowsBuilt"], line["bytes"]) == ("t", "compacted", size, done["bytes"])
    assert line["StagedBytes"] > 0
    [declared] = line["_aws"]["CloudWatchMetrics"]
    assert {"BuildMilliseconds", "StageMilliseconds", "CommitMilliseconds", "Latency"} <= {
        metric["Name"] for metric in declared["Metrics"] if metric["Unit"] == telemetry.UNITS[metric["Name"]]
    }


def test_an_index_that_is_not_there_is_no_failure(store: ScriptedStore) -> None:
    assert invoke(store, {"index": "absent"}) == {"outcome": "gone", "rows": 0, "bytes": 0}


def test_the_claim_is_held_by_the_request_for_as_long_as_the_function_may_run(store: ScriptedStore, kept: Kept) -> None:
    assert kept
    seen: list[dict[str, Any]] = []

    def look(real: Any) -> Any:
        claim = store.inner.get(f"{STAGING}t.claim")
        assert isinstance(claim, StoredObject)
        seen.append(json.loads(claim.data))
        return real()

    store.on("stage", look)
    invoke(store, {"index": "t"})
    [claim] = seen
    assert (claim["holder"], 900 <= claim["ends"] <= 1_000) == ("request-1", True)


def test_a_call_by_hand_needs_no_context(store: ScriptedStore, kept: Kept) -> None:
    assert kept
    assert invoke(store, {"index": "t"}, None)["outcome"] == "compacted"


@pytest.mark.parametrize("event", [{}, {"index": 1}, {"index": "t", "more": 1}, {"Records": []}])
def test_an_event_of_another_form_is_refused(store: ScriptedStore, event: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        invoke(store, event)


def test_what_may_succeed_later_is_raised_for_lambda_to_repeat(store: ScriptedStore) -> None:
    store.always("head", silence)
    with pytest.raises(StorageSilent):
        invoke(store, {"index": "t"})


def test_the_handler_compacts_in_the_store_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    compaction._compaction.cache_clear()
    handler = api.load(template.ROOT / "functions/compact")
    assert handler.lambda_handler({"index": "absent"}, None)["outcome"] == "gone"
