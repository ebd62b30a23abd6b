"""What the client returns, and how it is shown."""

import pickle
from array import array
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.core.asking import INFO, ask_directly
from tests.support.raw_server import answer, raw_server

from vectord_client import AsyncClient, Build, Client, Hit, Hits, Vector, errors
from vectord_client.cli import records
from vectord_client.vector import unpack


def test_a_vector_is_an_array_that_numpy_views_without_a_copy() -> None:
    vector = unpack("AACAPwAAAEAAAEBA")
    assert (list(vector), vector.typecode) == ([1.0, 2.0, 3.0], "f")
    view = np.asarray(vector)
    view[0] = 9.0
    assert vector[0] == 9.0


def test_a_vector_is_shown_in_short() -> None:
    assert repr(Vector("f", range(384))) == "Vector([0, 1, 2, 3, …], dimension=384)"
    assert repr(Vector("f", [0.5])) == "Vector([0.5], dimension=1)"


def test_a_vector_can_be_pickled_and_compared() -> None:
    vector = Vector("f", [1, 2])
    assert pickle.loads(pickle.dumps(vector)) == vector == array("f", [1, 2])


@pytest.mark.parametrize("text", ["AAA=", "*", "AACAPw==="])
def test_text_that_is_not_a_vector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|multiple|padding|Excess"):
        unpack(text)


def test_components_are_returned_bit_for_bit(tmp_path: Path) -> None:
    vectors = np.frombuffer(np.random.default_rng(3).bytes(4 * 40 * 16), np.float32).reshape(40, 16)
    vectors = vectors[np.isfinite(vectors).all(axis=1)]
    with Client(tmp_path) as client:
        films = client.create_index("films", dimension=16, distance="euclidean")
        films.add(ids=[str(row) for row in range(len(vectors))], vectors=vectors)
        for row, vector in enumerate(vectors):
            assert films[str(row)].vector.tobytes() == vector.tobytes()  # type: ignore[union-attr]


def test_hits_are_a_sequence() -> None:
    two = (Hit("a", 0.0), Hit("b", 0.5))
    hits = Hits(matches=two, count=2, eligible=2, strategy="exact", plan="local", examined=2, milliseconds=1.25)
    assert (len(hits), hits[0].id, hits[-1].id, hits[1:], list(hits), hits.ids) == (
        2,
        "a",
        "b",
        two[1:],
        [*two],
        ["a", "b"],
    )
    assert repr(hits) == "<Hits [a 0, b 0.5] of 2, exact, 1.2 ms>"


def test_clients_and_indexes_are_shown_by_their_names(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        films = client.index("films")
        assert (repr(client), repr(films)) == (f"<Client of {tmp_path}>", "<Index 'films'>")
        assert repr(films.at("v1")) == "<View of 'films' as of 'v1'>"
        assert repr(films.rows()) == "<Rows of 'films'>"


def test_an_index_is_true_without_a_request(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        assert client.index("missing")


def test_an_earlier_state_is_read_by_version_etag_and_time(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        films = client.create_index("films", dimension=2)
        films.add([("alien", [1, 0])])
        then, etag = datetime.now(UTC), films.etag
        films.add([("heat", [0, 1])])
        version = list(films.versions())[1]
        for moment in (version, version.id, etag, then):
            view = films.at(moment)
            assert (view.info().count, view.search([0, 1]).ids) == (1, ["alien"])
            assert view.search_many([[0, 1]])[0].count == 1


async def test_vectors_of_an_earlier_state_are_counted(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        empty = films.etag
        earlier = films.add([("alien", [1, 0], {"n": 1}), ("heat", [0, 1], {"n": 2})]).etag
        films.add([("up", [1, 1], {"n": 1})])
        view = films.at(earlier)
        assert (films.at(empty).count(), view.count(), films.count()) == (0, 2, 3)
        assert (films.at(empty).count({"n": 1}), view.count({"n": 1}), films.count({"n": 1})) == (0, 1, 2)
    async with AsyncClient(target) as client:
        then = client.index("films").at(earlier)
        assert (await then.count(), await then.count({"n": 1})) == (2, 1)


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    with Client(tmp_path) as client, pytest.raises(errors.ArgumentInvalid, match="no time zone"):
        client.create_index("films", dimension=2).at(datetime(2026, 1, 1)).info()


def test_metadata_of_numpy_is_accepted_and_what_json_lacks_is_refused(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        films = client.create_index("films", dimension=2)
        films.add([("alien", [1, 0])])
        films.patch({"n": np.int64(7), "x": np.float32(0.5), "all": np.arange(2)}, ids=["alien"])
        assert films["alien"].metadata == {"n": 7, "x": 0.5, "all": [0, 1]}
        assert films.count({"n": np.int64(7)}) == 1
        for value in (object(), {(1, 2): 3}, "\ud800"):
            with pytest.raises(errors.ArgumentInvalid, match="cannot be sent as JSON"):
                films.patch({"n": value}, ids=["alien"])


def test_a_closed_client_says_so(tmp_path: Path) -> None:
    client = Client(tmp_path)
    films = client.create_index("films", dimension=2)
    client.close()
    client.close()
    with pytest.raises(errors.ClientClosed, match="is closed"):
        films.info()


def test_a_description_has_the_build_that_is_going_on() -> None:
    build = {"since": "2026-11-29T04:00:00Z", "stage": "builds 10 trees"}
    with raw_server(answer(200, INFO | {"build": build})) as server:
        info = ask_directly(server.url)
    assert info.build == Build(datetime(2026, 11, 29, 4, tzinfo=UTC), "builds 10 trees")
    assert records.of_info(info)["build"] == build
