"""What every store promises for objects made of parts: splices of stored bytes, and staged objects."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.support.backends import LEAST_PART, Backend
from vectord.errors import ConditionFailed, ObjectNotFound, WriteConflict
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch, Store, StoredObject

NO_ETAG = '"0123456789abcdef0123456789abcdef"'
STAGED = ".staging/0123456789abcdef"
PART = b"p" * LEAST_PART


def put(store: Store, name: str = "t", data: bytes = b"one", condition: Condition | None = None) -> str:
    return store.put(name, data, condition or IfAbsent(), "a-commit")


HEAD, BODY = b"h" * LEAST_PART, bytes(range(256)) * 8


def body(backend: Backend, name: str = "t") -> CopySource:
    """Put an object and return its middle as a source."""
    etag = put(backend.store, name, b"old head" + BODY + b"old tail")
    return CopySource(name, etag, 8, 8 + len(BODY))


def splice(backend: Backend, source: CopySource, head: bytes = HEAD, *, condition: Condition | None = None) -> str:
    condition = condition or IfMatch(source.etag)
    return backend.store.splice("t", head, source, condition=condition, commit="a-commit")


class TestSplice:
    @pytest.mark.parametrize("head", [HEAD, HEAD * 3], ids=["short", "long"])
    def test_puts_a_head_before_stored_bytes(self, backend: Backend, head: bytes) -> None:
        splice(backend, body(backend), head)
        assert backend.objects() == {"t": head + BODY}

    def test_returns_the_etag_of_the_new_bytes(self, backend: Backend) -> None:
        etag = splice(backend, body(backend))
        assert backend.store.get("t") == StoredObject(HEAD + BODY, etag)

    def test_works_again_on_an_object_that_was_spliced(self, backend: Backend) -> None:
        once = splice(backend, body(backend))
        twice = CopySource("t", once, 0, LEAST_PART + len(BODY))
        splice(backend, twice, b"more" * LEAST_PART)
        assert backend.objects() == {"t": b"more" * LEAST_PART + HEAD + BODY}

    def test_copies_bytes_of_another_object(self, backend: Backend) -> None:
        source, etag = body(backend, "other"), put(backend.store)
        splice(backend, source, condition=IfMatch(etag))
        assert backend.objects()["t"] == HEAD + BODY

    def test_copies_bytes_of_a_staged_object(self, backend: Backend) -> None:
        staged = backend.store.stage(STAGED, [BODY])
        splice(backend, CopySource(STAGED, staged, 0, len(BODY)), condition=IfMatch(put(backend.store)))
        assert backend.objects()["t"] == HEAD + BODY

    def test_if_absent_writes_a_new_object(self, backend: Backend) -> None:
        splice(backend, body(backend, "other"), condition=IfAbsent())
        assert backend.objects()["t"] == HEAD + BODY

    def test_if_absent_refuses_and_keeps_the_existing_object(self, strict: Backend) -> None:
        source = body(strict, "other")
        strict.seed("t", b"there")
        with pytest.raises(ConditionFailed):
            splice(strict, source, condition=IfAbsent())
        assert strict.objects()["t"] == b"there"

    def test_if_match_refuses_another_etag_and_keeps_the_existing_object(self, strict: Backend) -> None:
        source = body(strict, "other")
        strict.seed("t", b"there")
        with pytest.raises(ConditionFailed):
            splice(strict, source, condition=IfMatch(NO_ETAG))
        assert strict.objects()["t"] == b"there"

    def test_if_match_never_creates(self, strict: Backend) -> None:
        source = body(strict, "other")
        with pytest.raises(ObjectNotFound):
            splice(strict, source, condition=IfMatch(NO_ETAG))
        assert "t" not in strict.objects()

    def test_of_a_source_that_changed_is_refused(self, strict: Backend) -> None:
        source = body(strict, "other")
        put(strict.store, "other", b"moved on" * 1_000, IfMatch(source.etag))
        with pytest.raises(ConditionFailed):
            splice(strict, source, condition=IfAbsent())
        assert "t" not in strict.objects()

    def test_of_a_source_that_was_deleted_is_refused(self, backend: Backend) -> None:
        source = body(backend, "other")
        backend.store.delete("other", IfMatch(source.etag))
        with pytest.raises(ObjectNotFound):
            splice(backend, source, condition=IfAbsent())
        assert backend.objects() == {}

    def test_of_a_head_shorter_than_a_part_is_refused(self, backend: Backend) -> None:
        source = body(backend)
        with pytest.raises(ValueError, match="head"):
            splice(backend, source, HEAD[1:])

    def test_of_a_source_shorter_than_a_part_is_refused(self, backend: Backend) -> None:
        source = body(backend)
        with pytest.raises(ValueError, match="source"):
            splice(backend, CopySource("t", source.etag, 0, LEAST_PART - 1))


class TestRaces:
    WRITERS = 8

    def outcomes(self, write: Callable[[int], object]) -> list[str]:
        """Write from all threads at once; return the outcome of each."""
        together = Barrier(self.WRITERS)

        def outcome(number: int) -> str:
            together.wait()
            try:
                write(number)
            except (ConditionFailed, WriteConflict):
                return "lost"
            return "won"

        with ThreadPoolExecutor(self.WRITERS) as writers:
            return sorted(writers.map(outcome, range(self.WRITERS)))

    def test_exactly_one_of_many_concurrent_puts_wins(self, strict: Backend) -> None:
        condition = IfMatch(put(strict.store))
        ended = self.outcomes(lambda number: put(strict.store, data=b"%d" % number, condition=condition))
        assert ended == ["lost"] * (self.WRITERS - 1) + ["won"]

    def test_exactly_one_of_many_concurrent_splices_wins(self, strict: Backend) -> None:
        source = body(strict)
        ended = self.outcomes(lambda number: splice(strict, source, HEAD + b"%d" % number))
        assert ended == ["lost"] * (self.WRITERS - 1) + ["won"]

    def test_exactly_one_of_many_creations_by_splice_wins(self, strict: Backend) -> None:
        source = body(strict, "other")
        ended = self.outcomes(lambda number: splice(strict, source, HEAD + b"%d" % number, condition=IfAbsent()))
        assert ended == ["lost"] * (self.WRITERS - 1) + ["won"]


class TestStage:
    @pytest.mark.parametrize("parts", [[PART], [PART, b"end"], [b"end"], [PART] * 20, [b""], []], ids=len)
    def test_writes_the_parts_as_one_object(self, backend: Backend, parts: list[bytes]) -> None:
        etag = backend.store.stage(STAGED, iter(parts))
        assert backend.store.get(STAGED) == StoredObject(b"".join(parts), etag)

    def test_replaces_the_staged_object_of_that_name(self, backend: Backend) -> None:
        backend.store.stage(STAGED, [b"one"])
        etag = backend.store.stage(STAGED, [b"two"])
        assert backend.store.get(STAGED) == StoredObject(b"two", etag)

    def test_is_never_listed(self, backend: Backend) -> None:
        backend.store.stage(STAGED, [b"one"])
        backend.seed("t", b"")
        for prefix in ("", ".", STAGED):
            assert [listed.name for listed in backend.store.list(prefix, 10, None).objects] == (
                ["t"] if not prefix else []
            )

    def test_refuses_a_short_part_before_the_last_and_writes_nothing(self, backend: Backend) -> None:
        with pytest.raises(ValueError, match="part"):
            backend.store.stage(STAGED, [PART, PART[1:], b"end"])
        with pytest.raises(ObjectNotFound):
            backend.store.etag(STAGED)

    def test_writes_nothing_if_the_parts_raise_an_error(self, backend: Backend) -> None:
        def parts() -> Iterator[bytes]:
            yield PART
            raise InterruptedError

        with pytest.raises(InterruptedError):
            backend.store.stage(STAGED, parts())
        with pytest.raises(ObjectNotFound):
            backend.store.etag(STAGED)

    @pytest.mark.parametrize("name", ["t", ".staging", ".staging/", "staging/x"])
    def test_refuses_a_name_that_an_index_could_have(self, backend: Backend, name: str) -> None:
        with pytest.raises(ValueError, match="staging"):
            backend.store.stage(name, [b"one"])


class TestDiscard:
    def test_removes_a_staged_object(self, backend: Backend) -> None:
        backend.store.stage(STAGED, [b"one"])
        backend.store.discard(STAGED)
        with pytest.raises(ObjectNotFound):
            backend.store.etag(STAGED)

    def test_of_a_missing_object_succeeds(self, backend: Backend) -> None:
        backend.store.discard(STAGED)

    def test_never_removes_an_index(self, backend: Backend) -> None:
        backend.seed("t", b"there")
        with pytest.raises(ValueError, match="staging"):
            backend.store.discard("t")
        assert backend.objects() == {"t": b"there"}


class TestStaged:
    FOLDER = ".staging/t.pending/"

    def test_lists_the_staged_objects_of_a_folder_by_name(self, backend: Backend) -> None:
        for token in ("b", "a-2", "a"):
            backend.store.put(self.FOLDER + token, token.encode(), IfAbsent(), "a-commit")
        listed = backend.store.staged(self.FOLDER)
        assert [(one.name.removeprefix(self.FOLDER), one.size) for one in listed] == [("a", 1), ("a-2", 3), ("b", 1)]

    def test_lists_no_other_object(self, backend: Backend) -> None:
        for name in (STAGED, ".staging/t.pending", ".staging/t.pending/a/b", ".staging/u.pending/a"):
            backend.store.stage(name, [b"one"])
        backend.seed("t", b"")
        assert list(backend.store.staged(self.FOLDER)) == []

    def test_lists_more_than_one_page(self, backend: Backend) -> None:
        for number in range(12):
            backend.store.stage(f"{self.FOLDER}{number:02}", [b""])
        assert len(backend.store.staged(self.FOLDER)) == 12

    def test_lists_what_was_written_and_not_what_was_discarded(self, backend: Backend) -> None:
        backend.store.put(f"{self.FOLDER}a", b"one", IfAbsent(), "a-commit")
        backend.store.put(f"{self.FOLDER}b", b"one", IfAbsent(), "a-commit")
        backend.store.discard(f"{self.FOLDER}a")
        assert [one.name for one in backend.store.staged(self.FOLDER)] == [f"{self.FOLDER}b"]

    def test_of_a_shard_has_its_slashes(self, backend: Backend) -> None:
        folder = f".staging/t/{'0' * 32}/1.pending/"
        backend.store.stage(f"{folder}a", [b"one"])
        assert [one.name for one in backend.store.staged(folder)] == [f"{folder}a"]

    def test_refuses_a_folder_of_indexes(self, backend: Backend) -> None:
        with pytest.raises(ValueError, match="staging"):
            backend.store.staged("t/")
