"""A request as it is stored until a worker applies it."""

from vectord.edge import queued


def test_a_request_that_an_earlier_vectord_stored_is_for_any_index_of_its_name() -> None:
    data = b'{"route":"POST /x","path":{"name":"t"},"headers":{},"principal":"p"}\n{"vectors":[]}'
    stored, event = queued.read_stored(data)
    assert (stored.identity, event["body"]) == (None, b'{"vectors":[]}')
