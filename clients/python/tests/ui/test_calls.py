"""What the page gets from its server, over a folder and over HTTP."""

from pathlib import Path
from urllib.parse import quote

import pytest
from tests.support.raw_server import answer, raw_server
from tests.ui.conftest import BIG, HOSTILE, ROWS, Browser, browsing

from vectord_client import Client, FilterInvalid, RetryPolicy


def test_lists_and_describes_indexes(browser: Browser) -> None:
    status, listed = browser.call("GET", "/api/indexes?prefix=f&limit=10")
    assert (status, [index["name"] for index in listed["indexes"]]) == (200, ["films"])
    status, info = browser.call("GET", "/api/indexes/films")
    assert (status, info["count"], info["index"]["dimension"]) == (200, ROWS, 8)


def test_hostile_ids_and_exact_numbers_pass_as_json(browser: Browser) -> None:
    body = {"ids": [HOSTILE], "include": ["metadata"]}
    response = browser.send("POST", f"{browser.base}call/api/indexes/films/vectors/get", body)
    assert response.headers["content-type"] == "application/json"
    assert str(BIG).encode() in browser.data
    status, found = browser.call("POST", "/api/indexes/films/search", {"id": HOSTILE, "k": 3})
    assert (status, len(found["matches"])) == (200, 3)


def test_a_filter_in_the_query_keeps_its_characters(browser: Browser) -> None:
    wanted = quote('{"by.name": "<b>3", "group": {"$in": [0, 1]}}')
    status, page = browser.call("GET", f"/api/indexes/films/vectors?limit=5&filter={wanted}")
    assert status == 200
    assert {row["metadata"]["by"]["name"] for row in page["vectors"]} == {"<b>3"}


def test_an_error_has_the_services_own_text(browser: Browser, client: Client) -> None:
    wanted = {"year": {"$foo": 1}}
    with pytest.raises(FilterInvalid) as raised:
        client.index("films").count(wanted)
    status, problem = browser.call("POST", "/api/indexes/films/vectors/count", {"filter": wanted})
    assert (status, problem["type"]) == (422, "urn:vectord:problem:filter-invalid")
    assert problem["detail"] in str(raised.value)
    assert "$foo" in problem["detail"]


def test_a_body_that_is_not_json_is_the_services_to_refuse(browser: Browser) -> None:
    status, problem = browser.call("POST", "/api/indexes/films/search", b"{")
    assert (status, problem["type"]) == (400, "urn:vectord:problem:malformed-json")


def test_a_text_is_embedded_by_the_model_of_the_index(browser: Browser) -> None:
    status, embedded = browser.call("POST", "/embed", {"index": "texts", "text": "a rocket"})
    assert status == 200
    _, found = browser.call("POST", "/api/indexes/texts/search", {**embedded, "k": 1})
    assert found["matches"][0]["id"] == "ship"


def test_words_are_searched_alone_and_with_a_text(browser: Browser) -> None:
    _, info = browser.call("GET", "/api/indexes/texts")
    assert list(info["index"]["text"]) == ["plot"]
    status, found = browser.call("POST", "/api/indexes/texts/search", {"text": "house", "k": 2, "recall": 0.95})
    assert (status, [match["id"] for match in found["matches"]]) == (200, ["house"])
    assert found["matches"][0].keys() == {"id", "metadata", "relevance"}
    _, embedded = browser.call("POST", "/embed", {"index": "texts", "text": "a rocket"})
    _, found = browser.call("POST", "/api/indexes/texts/search", {**embedded, "text": "house", "k": 1})
    assert found["matches"][0].keys() == {"id", "metadata", "distance", "relevance", "score"}


def test_a_sparse_vector_is_searched_alone_and_with_an_id(browser: Browser) -> None:
    _, info = browser.call("GET", "/api/indexes/texts")
    assert list(info["index"]["sparse"]) == ["splade"]
    sparse = {"sparse": {"indices": [1], "values": [0.5]}, "recall": 0.95}
    status, found = browser.call("POST", "/api/indexes/texts/search", {**sparse, "k": 2})
    [match] = found["matches"]
    assert (status, match["id"], match["relevance"], "distance" in match) == (200, "house", 1.0, False)
    _, found = browser.call("POST", "/api/indexes/texts/search", {**sparse, "id": "ship", "k": 1})
    assert found["matches"][0].keys() == {"id", "metadata", "distance", "relevance", "score"}


def test_an_index_without_a_model_says_so(browser: Browser) -> None:
    status, problem = browser.call("POST", "/embed", {"index": "films", "text": "a rocket"})
    assert (status, problem["title"]) == (400, "NoEmbedder")
    assert "embedding model" in problem["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"index": 1, "text": ""}', b'{"index": "a", "text": "\\ud800"}', b"\xff"]
)
def test_a_request_that_is_not_valid_is_refused(browser: Browser, body: bytes) -> None:
    for path in ("/embed", "/map"):
        assert browser.call("POST", path, body)[0] == 400


def test_says_what_it_shows(browser: Browser) -> None:
    assert browser.call("GET", "/about")[1]["target"] == "the target"


def test_a_service_that_does_not_answer_is_an_error_with_advice() -> None:
    with raw_server(answer(200)) as service:
        url = service.url
    with Client(url, retries=RetryPolicy(connect_attempts=1)) as client, browsing(client, timeout=1) as browser:
        status, problem = browser.call("GET", "/api/indexes")
    assert (status, problem["title"]) == (502, "ConnectionFailed")
    assert url in problem["detail"]


@pytest.mark.parametrize(
    "script",
    [answer(200, b"<html>portal</html>"), answer(404, b"<html></html>"), answer(403, {"message": "Forbidden"})],
)
def test_an_answer_of_another_server_is_an_error_of_the_page(script: bytes) -> None:
    with raw_server(script) as service, Client(service.url) as client, browsing(client) as browser:
        status, problem = browser.call("GET", "/api/indexes")
    assert status >= 400
    assert problem["detail"]


def test_a_change_of_the_folder_is_seen_at_once(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client, browsing(client) as browser:
        assert browser.call("GET", "/api/indexes")[1]["indexes"] == []
        client.create_index("new", dimension=2)
        assert [index["name"] for index in browser.call("GET", "/api/indexes")[1]["indexes"]] == ["new"]
