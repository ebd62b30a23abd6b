"""The compact function: its events, answers and log lines, and which errors Lambda retries."""

import json
from functools import cache
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.support import api, template
from tests.support.compactions import ExpectedIndex, a_compaction
from tests.support.logs import log_lines
from tests.support.scripted_store import ScriptedStore, fails_with, no_reply
from tests.support.services import FOREVER, Clock, a_service, vector
from tests.support.version_history import Calendar
from vectord.edge import telemetry
from vectord.edge.events import compact
from vectord.errors import StorageSilent, StoreRefused
from vectord.runtime import compaction
from vectord.service.maintenance.thinning import Thinning
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.base import StoredObject
from vectord.storage.limits import STAGING
from vectord.storage.memory import MemoryStore

CONTEXT = SimpleNamespace(
    aws_request_id="request-1", function_name="compact", get_remaining_time_in_millis=lambda: 900_000
)


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def expected(store: ScriptedStore) -> ExpectedIndex:
    return ExpectedIndex(store.inner)


def invoke(store: ScriptedStore, event: Any, context: object = CONTEXT) -> dict[str, Any]:
    return compact.handler(lambda: a_compaction(store))(event, context)


def test_it_answers_and_logs_the_outcome(
    store: ScriptedStore, expected: ExpectedIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(expected.rows)
    done = invoke(store, {"index": "t"})
    *_, line = log_lines(capsys)
    assert (done["outcome"], done["rows"]) == ("compacted", size)
    assert (line["index"], line["outcome"], line["RowsBuilt"], line["bytes"]) == ("t", "compacted", size, done["bytes"])
    assert (line["principal"], line["operation"], line["rows"]) == ("vectord", "compact-index", size)
    assert None not in {line["etag_before"], line["etag_after"]}
    assert line["etag_before"] != line["etag_after"]
    assert line["StagedBytes"] > 0
    [declared] = line["_aws"]["CloudWatchMetrics"]
    assert {"BuildMilliseconds", "StageMilliseconds", "CommitMilliseconds", "Latency"} <= {
        metric["Name"] for metric in declared["Metrics"] if metric["Unit"] == telemetry.UNITS[metric["Name"]]
    }


def test_it_logs_what_it_does(
    store: ScriptedStore, expected: ExpectedIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(store, {"index": "t"})
    *stages, _ = log_lines(capsys)
    assert {line["index"] for line in stages} == {"t"}
    assert [line["message"] for line in stages] == [
        "compaction reads the index",
        f"compaction divides {len(expected.rows)} rows into partitions",
        "compaction measures the recall of searches",
        "compaction builds 16 trees",
        "compaction uploads the sections",
    ]


def test_an_index_that_does_not_exist_is_not_a_failure(store: ScriptedStore) -> None:
    assert invoke(store, {"index": "absent"}) == {"outcome": "gone", "rows": 0, "bytes": 0}


@pytest.mark.usefixtures("expected")
def test_the_request_holds_the_lease_for_a_minute(store: ScriptedStore) -> None:
    seen: list[dict[str, Any]] = []

    def look(real: Any) -> Any:
        lease = store.inner.get(f"{STAGING}t.claim")
        assert isinstance(lease, StoredObject)
        seen.append(json.loads(lease.data))
        return real()

    store.on("stage", look)
    invoke(store, {"index": "t"})
    [lease] = seen
    assert (lease["holder"], lease["ends"]) == ("request-1", 60.0)


@pytest.mark.usefixtures("expected")
@pytest.mark.parametrize("error", [StoreRefused("AccessDenied"), MemoryError()], ids=["storage", "defect"])
def test_a_failure_is_logged_with_its_index_and_its_own_counts(
    store: ScriptedStore, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    function = compact.handler(cache(lambda: a_compaction(store)))
    store.on("stage", fails_with(error))
    with pytest.raises(type(error)):
        function({"index": "t"}, CONTEXT)
    *_, failed = log_lines(capsys)
    assert (failed["level"], failed["error"], failed["index"]) == ("error", type(error).__name__, "t")
    assert (failed["operation"], failed["outcome"], failed["rows"]) == ("compact-index", "failed", None)
    assert failed["BuildMilliseconds"] >= 0
    function({"index": "absent"}, CONTEXT)
    [line] = log_lines(capsys)
    assert (line["outcome"], "BuildMilliseconds" in line, "Failures" in failed) == ("gone", False, False)


@pytest.mark.usefixtures("expected")
def test_it_runs_without_a_context(store: ScriptedStore) -> None:
    assert invoke(store, {"index": "t"}, None)["outcome"] == "compacted"


@pytest.mark.parametrize("event", [{}, {"index": 1}, {"index": "t", "more": 1}, {"Records": []}])
def test_an_event_of_another_shape_is_refused(store: ScriptedStore, event: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        invoke(store, event)


class TestThinning:
    @pytest.fixture
    def calendar(self) -> Calendar:
        return Calendar()

    @pytest.fixture
    def store(self, calendar: Calendar) -> MemoryStore:
        """A store with 20 versions of index `t`, one a minute; a build of it is not due."""
        store = MemoryStore(calendar, least_part=1)
        service = a_service(store)
        service.create(NewIndex("t", 2), FOREVER)
        for number in range(19):
            calendar.passes()
            service.add("t", [vector(str(number), 1.0, number)], FOREVER)
        return store

    def invoke(self, store: MemoryStore, calendar: Calendar, event: Any) -> dict[str, Any]:
        thinning = Thinning(
            store, store, days=3, environment=Clock().environment(), retry_policy=RetryPolicy(3), clock=calendar
        )
        return compact.handler(lambda: a_compaction(store), lambda: thinning)(event, CONTEXT)

    def count(self, store: MemoryStore) -> int:
        return len(store.versions("t", 100).versions)

    def test_follows_a_compaction_of_the_index(
        self, store: MemoryStore, calendar: Calendar, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.invoke(store, calendar, {"index": "t"})["outcome"] == "idle"
        assert self.count(store) == 11  # with that of 12:00
        _, line = log_lines(capsys)
        assert (line["index"], line["outcome"], line["versions"]) == ("t", "thinned", 9)
        assert line["VersionsRemoved"] == 9

    def test_of_all_is_an_event_of_its_own(
        self, store: MemoryStore, calendar: Calendar, capsys: pytest.CaptureFixture[str]
    ) -> None:
        done = self.invoke(store, calendar, {"thin": "all"})
        assert (done["outcome"], done["objects"], done["versions"], self.count(store)) == ("thinned", 1, 9, 11)
        [line] = log_lines(capsys)
        assert (line["outcome"], line["VersionBytesRemoved"]) == ("thinned", done["bytes"])

    def test_that_storage_refuses_does_not_fail_the_compaction(
        self, store: MemoryStore, calendar: Calendar, capsys: pytest.CaptureFixture[str], monkeypatch: Any
    ) -> None:
        def refused(*_: object) -> None:
            raise StoreRefused("AccessDenied")

        monkeypatch.setattr(MemoryStore, "remove_versions", refused)
        assert self.invoke(store, calendar, {"index": "t"})["outcome"] == "idle"
        *_, line = log_lines(capsys)
        assert (line["level"], line["error"], line["index"]) == ("error", "StoreRefused", "t")
        assert (line["outcome"], line["Failures"]) == ("not-thinned", 1)
        with pytest.raises(StoreRefused):
            self.invoke(store, calendar, {"thin": "all"})

    @pytest.mark.parametrize("event", [{"thin": "t"}, {"thin": "all", "index": "t"}, {"thin": None}])
    def test_of_another_event_is_refused(self, store: MemoryStore, calendar: Calendar, event: Any) -> None:
        with pytest.raises(msgspec.ValidationError):
            self.invoke(store, calendar, event)

    def test_in_memory_by_the_handler_of_the_function(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("VECTORD_STORE", raising=False)
        monkeypatch.setenv("VECTORD_VERSION_DAYS", "3")
        handler = api.load(template.ROOT / "functions/compact")
        assert handler.lambda_handler({"thin": "all"}, None)["outcome"] == "thinned"


def test_an_error_that_may_pass_is_raised_for_lambda_to_retry(store: ScriptedStore) -> None:
    store.always("head", no_reply)
    with pytest.raises(StorageSilent):
        invoke(store, {"index": "t"})


def test_the_handler_uses_the_store_of_the_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    compaction._compaction.cache_clear()
    handler = api.load(template.ROOT / "functions/compact")
    assert handler.lambda_handler({"index": "absent"}, None)["outcome"] == "gone"
