"""A client that is created on first use, or in a thread before that."""

from threading import Event, current_thread

import pytest

from vectord.errors import StoreRefused
from vectord.storage.boto import Lazy

_SECONDS = 10


def test_a_client_that_was_begun_is_created_once_and_in_another_thread() -> None:
    threads, begun = [], Event()

    def create() -> str:
        threads.append(current_thread())
        begun.set()
        return "client"

    client = Lazy(create)
    client.begin()
    assert begun.wait(_SECONDS)
    assert [client(), client()] == ["client", "client"]
    client.begin()
    [thread] = threads
    assert thread is not current_thread()


def test_an_error_of_a_client_that_was_begun_is_raised_where_it_is_used() -> None:
    failed = Event()

    def create() -> str:
        failed.set()
        raise StoreRefused("the profile does not exist", 0)

    client = Lazy(create)
    client.begin()
    assert failed.wait(_SECONDS)
    with pytest.raises(StoreRefused):
        client()
