"""Writes whose answers are lost, and adds of more rows than a request can carry."""

import numpy as np
import pytest
from tests.support.raw_server import answer, problem, raw_server

from vectord_client import AsyncClient, Client, ConnectionLost, OutcomeUnknown, RetryPolicy, errors
from vectord_client.wire.request import Request, Response

QUICK = RetryPolicy(base_seconds=0.001)
ADDED = answer(200, {"added": 1, "replaced": 0, "count": 1})


class Deaf:
    """A transport that executes requests and loses the first answers."""

    def __init__(self, client: Client, lost: int) -> None:
        self._inner, self.lost, self.keys = client.transport, lost, list[str]()

    def send(self, request: Request, timeout: float) -> Response:
        response = self._inner.send(request, timeout)
        self.keys.append(request.headers.get("idempotency-key", ""))
        if self.lost:
            self.lost -= 1
            raise ConnectionLost("the answer was lost")
        return response

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize(
    "write",
    [
        lambda films: films.add([("new", [1, 1]), ("alien", [2, 2])]).added == 1,
        lambda films: films.patch({"n": 1}, ids=["alien"]).patched == 1,
        lambda films: films.delete(ids=["alien", "heat"]).deleted == 2,
        lambda films: films.remove("alien").deleted == 1,
    ],
    ids=["add", "patch", "delete", "remove"],
)
def test_a_write_whose_answer_was_lost_is_repeated_and_applied_once(target: str, write: object) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add([("alien", [1, 0]), ("heat", [0, 1])])
        before = films.etag
        deaf = Deaf(client, lost=2)
        assert write(Client(transport=deaf, retries=QUICK).index("films"))  # type: ignore[operator]
        assert len(deaf.keys) == 3
        assert len(set(deaf.keys)) == 1
        assert [version.etag for version in films.versions()][1] == before


def test_each_write_has_a_key_of_its_own() -> None:
    with raw_server(ADDED) as server, Client(server.url) as client:
        for _ in range(3):
            client.index("films").add([("a", [1, 2])])
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 3


def test_an_unknown_outcome_is_resolved_by_repeating() -> None:
    unknown = problem(503, "outcome-unknown", headers={"retry-after": "0"})
    with raw_server(unknown, ADDED) as server, Client(server.url, retries=QUICK) as client:
        assert client.index("films").add([("a", [1, 2])]).added == 1
    first, second = server.requests
    assert (first.body, first.headers["idempotency-key"]) == (second.body, second.headers["idempotency-key"])


def test_a_creation_whose_outcome_is_unknown_is_not_repeated() -> None:
    with (
        raw_server(problem(503, "outcome-unknown")) as server,
        Client(server.url) as client,
        pytest.raises(OutcomeUnknown, match="may have been applied"),
    ):
        client.create_index("films", dimension=2)
    assert len(server.requests) == 1


def test_a_creation_that_accepts_an_existing_index_is_repeated(target: str) -> None:
    with Client(target) as client:
        deaf = Deaf(client, lost=1)
        Client(transport=deaf, retries=QUICK).create_index("films", dimension=2, exist_ok=True)
        assert client.index("films").info().dimension == 2


def test_an_existing_index_with_other_parameters_is_refused(target: str) -> None:
    with Client(target) as client:
        client.create_index("films", dimension=2)
        with pytest.raises(errors.IndexExists, match=r"dimension is 2, not 3; distance is 'cosine', not 'euclidean'"):
            client.create_index("films", dimension=3, distance="euclidean", exist_ok=True)


def test_a_missing_index_may_be_deleted(target: str) -> None:
    with Client(target) as client:
        client.delete_index("films", missing_ok=True)
        with pytest.raises(errors.IndexNotFound):
            client.delete_index("films")


def test_a_write_under_a_condition_that_does_not_hold_is_refused(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        etag = films.etag
        films.add([("a", [1, 2])], if_match=etag)
        with pytest.raises(errors.PreconditionFailed):
            films.add([("b", [1, 2])], if_match=etag)


@pytest.mark.parametrize("etag", ["", " ", b'"a"', 7, '"a"\r\nx: y'])
def test_what_is_not_an_etag_never_becomes_a_write_without_a_condition(target: str, etag: object) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        for write in (
            lambda **condition: films.add([("a", [1, 2])], **condition),
            lambda **condition: films.patch({}, ids=["a"], **condition),
            lambda **condition: films.delete(ids=["a"], **condition),
            lambda **condition: films.remove("a", **condition),
            lambda **condition: films.restore("1", **condition),
            films.drop,
            films.clear,
        ):
            with pytest.raises(errors.ArgumentInvalid, match=r"^if_match is "):
                write(if_match=etag)  # type: ignore[operator]
        assert len(films) == 0


def test_a_sharded_index_has_no_etag_that_could_be_a_condition(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2, shards=2)
        added = films.add([("a", [1, 2])])
        with pytest.raises(errors.ArgumentInvalid, match="A sharded index has no ETag"):
            films.add([("b", [1, 2])], if_match=added.etag)
        assert len(films) == 1


# ------------------------------------------------------------------------------------------------------- large adds

ROWS, DIMENSION = 9_000, 384  # 18 MB as base64


def _large() -> dict[str, object]:
    vectors = np.random.default_rng(7).standard_normal((ROWS, DIMENSION), dtype=np.float32)
    return {"ids": [f"row-{number}" for number in range(ROWS)], "vectors": vectors}


def test_more_rows_than_a_request_carries_are_added_in_several(url: str) -> None:
    rows = _large()
    with Client(url) as client:
        films = client.create_index("films", dimension=DIMENSION)
        added = films.add(**rows)
        assert (added.added, added.replaced, added.count) == (ROWS, 0, ROWS)
        assert len(list(films.versions())) == 1 + 4
        np.testing.assert_array_equal(films["row-8999"].vector, rows["vectors"][8999])  # type: ignore[index]


async def test_an_asynchronous_client_adds_them_too(url: str) -> None:
    async with AsyncClient(url) as client:
        films = await client.create_index("films", dimension=DIMENSION)
        assert (await films.add(**_large())).count == ROWS


def test_the_etag_of_several_requests_is_that_of_the_last_one(url: str) -> None:
    with Client(url) as client:
        films = client.create_index("films", dimension=DIMENSION)
        added = films.add(**_large())
        assert added.etag == films.etag
        films.patch({"seen": True}, ids=["row-1"], if_match=added.etag)
        with pytest.raises(errors.PreconditionFailed):
            films.patch({"seen": False}, ids=["row-1"], if_match=added.etag)


def test_several_requests_cannot_have_one_condition(url: str) -> None:
    with Client(url) as client:
        films = client.create_index("films", dimension=DIMENSION)
        with pytest.raises(errors.ArgumentInvalid, match="need 4 requests, and if_match"):
            films.add(**_large(), if_match=films.etag)


def test_of_two_rows_with_one_id_the_last_counts_also_in_several_requests(url: str) -> None:
    rows = _large()
    rows["ids"] = ["twice" if number in (0, ROWS - 1) else f"row-{number}" for number in range(ROWS)]
    with Client(url) as client:
        films = client.create_index("films", dimension=DIMENSION)
        films.add(**rows)
        np.testing.assert_array_equal(films["twice"].vector, rows["vectors"][ROWS - 1])  # type: ignore[index]


def test_a_part_that_fails_says_how_many_rows_were_added() -> None:
    good = answer(200, {"added": 3000, "replaced": 0, "count": 3000})
    with (
        raw_server(good, problem(422, "batch-invalid", "a vector is not valid.")) as server,
        Client(server.url, concurrency=1) as client,
        pytest.raises(errors.BatchInvalid) as raised,
    ):
        client.index("films").add(**_large())
    assert "one of 4 requests" in str(raised.value)
    assert "rows of the others were added" in str(raised.value)
    assert len(server.requests) == 2


def test_rows_that_are_not_valid_are_named_before_anything_is_sent() -> None:
    with (
        raw_server(ADDED) as server,
        Client(server.url) as client,
        pytest.raises(errors.ArgumentInvalid, match="item 1") as raised,
    ):
        client.index("films").add([("a", [1, 2]), ("b", [1])])
    assert raised.value.errors[0].id == "b"
    assert server.requests == []
