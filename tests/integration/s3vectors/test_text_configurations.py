"""Text search configurations: at creation, in GetIndex, and added or deleted later."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.vector_index import NATIVE, VectorIndex, a_vector, refusal

LANGUAGES = ["de", "en", "es", "fr", "it", "nl", "pt"]


def created(api: Api, *configurations: dict[str, str], **more: Any) -> VectorIndex:
    return VectorIndex(api, metadataConfiguration={"textSearchConfigurations": configurations, **more})


def shown(index: VectorIndex) -> Any:
    """Return the metadata configuration of an index."""
    return index.client.get_index(**index.names)["index"].get("metadataConfiguration")


def add(index: VectorIndex, *configurations: dict[str, str]) -> Any:
    return index.client.update_metadata_configuration(**index.names, add={"textSearchConfigurations": configurations})


def delete(index: VectorIndex, *keys: str) -> Any:
    listed = [{"metadataKey": key} for key in keys]
    return index.client.update_metadata_configuration(**index.names, delete={"textSearchConfigurations": listed})


def configured(index: VectorIndex) -> list[tuple[str, str | None, str]]:
    found = (shown(index) or {}).get("textSearchConfigurations", [])
    return [(one["metadataKey"], one.get("language"), one["status"]) for one in found]


def found(index: VectorIndex, key: str, text: str) -> list[str]:
    queries = [{"metadataKey": key, "text": text}]
    return [one["key"] for one in index.client.query_vectors(**index.names, topK=9, queryTexts=queries)["vectors"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_configuration_is_returned_as_it_was_created(ephemeral: Api, language: str) -> None:
    index = created(ephemeral, {"metadataKey": "plot", "language": language}, nonFilterableMetadataKeys=["plot"])
    assert shown(index) == {
        "nonFilterableMetadataKeys": ["plot"],
        "textSearchConfigurations": [{"metadataKey": "plot", "language": language, "status": "ACTIVE"}],
    }


@pytest.mark.parametrize("language", ["zh", "ja", "ko", None])
def test_a_language_without_stems_is_searched_as_no_language(ephemeral: Api, language: str | None) -> None:
    index = created(ephemeral, {"metadataKey": "plot"} | ({"language": language} if language else {}))
    assert configured(index) == [("plot", None, "ACTIVE")]
    index.put(a_vector("tokyo", [1, 1], plot="東京都に行く"), a_vector("seoul", [1, 1], plot="the 서울특별시"))
    assert [found(index, "plot", text) for text in ("京都", "the", "특별")] == [["tokyo"], ["seoul"], ["seoul"]]


def test_what_get_index_returned_can_be_sent_again(ephemeral: Api) -> None:
    index = created(ephemeral, {"metadataKey": "plot", "language": "de"}, {"metadataKey": "a.b"})
    index.client.create_index(
        **index.names | {"indexName": "other"},
        dataType="float32",
        dimension=2,
        distanceMetric="cosine",
        metadataConfiguration=shown(index),
    )
    other = index.client.get_index(**index.names | {"indexName": "other"})["index"]
    assert other["metadataConfiguration"] == shown(index)


def test_a_path_finds_the_texts_that_a_filter_finds(ephemeral: Api) -> None:
    index = created(ephemeral, {"metadataKey": "by.name"})
    index.put(a_vector("nested", [1, 1], by={"name": "Ridley"}), a_vector("flat", [1, 1], **{"by.name": "Ridley"}))
    assert found(index, "by.name", "ridley") == ["flat", "nested"]


def test_an_empty_list_configures_nothing(ephemeral: Api) -> None:
    index = created(ephemeral)
    assert shown(index) is None
    assert add(index)["indexArn"].endswith("/index/plots")
    assert shown(index) is None


def test_a_key_that_is_added_can_be_searched_and_one_that_is_deleted_cannot(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral)
    index.put(a_vector("alien", [1, 1], plot="screams", title="Alien"))
    for _ in range(2):  # SDKs may send it again
        assert add(index, {"metadataKey": "plot", "language": "en"})["indexArn"].endswith("/index/plots")
    add(index, {"metadataKey": "title"})
    assert configured(index) == [("plot", "en", "ACTIVE"), ("title", None, "ACTIVE")]
    assert (found(index, "plot", "scream"), found(index, "title", "alien")) == (["alien"], ["alien"])
    delete(index, "plot")
    assert configured(index) == [("title", None, "ACTIVE")]
    assert refusal(found, index, "plot", "scream")["fields"][0][0] == "queryTexts[0].metadataKey"
    delete(index, "title")
    assert (shown(index), index.get("alien")) == (None, [{"key": "alien"}])


def test_another_language_needs_a_deletion_first(ephemeral: Api) -> None:
    index = created(ephemeral, {"metadataKey": "title"}, {"metadataKey": "plot", "language": "en"})
    refused = refusal(add, index, {"metadataKey": "title"}, {"metadataKey": "plot", "language": "fr"})
    assert refused["fields"][0][0] == "add.textSearchConfigurations[1]"
    delete(index, "plot")
    add(index, {"metadataKey": "plot", "language": "fr"})
    assert configured(index) == [("plot", "fr", "ACTIVE"), ("title", None, "ACTIVE")]


def test_an_index_has_at_most_ten(ephemeral: Api) -> None:
    index = created(ephemeral, *({"metadataKey": f"k{number}"} for number in range(9)))
    refused = refusal(add, index, {"metadataKey": "a"}, {"metadataKey": "b"})
    assert (refused["Code"], refused["fields"][0][0]) == ("ValidationException", "add.textSearchConfigurations")
    add(index, {"metadataKey": "a"}, {"metadataKey": "k1"})
    assert len(configured(index)) == 10


@pytest.mark.parametrize(
    ("configurations", "path"),
    [
        ([{"metadataKey": "a"}, {"metadataKey": "b"}, {"metadataKey": "a", "language": "en"}], "[2].metadataKey"),
        ([{"metadataKey": f"k{number}"} for number in range(11)], "textSearchConfigurations"),
        ([{"metadataKey": ""}], "/0/metadataKey"),
        ([{"metadataKey": "k" * 64}], "/0/metadataKey"),
        ([{"metadataKey": "a", "language": "ru"}], "/0/language"),
        ([{"metadataKey": "a", "language": "english"}], "/0/language"),
        ([{"metadataKey": "a", "status": "DONE"}], "/0/status"),
        ([{"metadataKey": "a", "stopwords": True}], "/0/stopwords"),
        ([{"language": "en"}], "/0/metadataKey"),
    ],
)
def test_configurations_that_are_not_valid_are_refused(ephemeral: Api, configurations: Any, path: str) -> None:
    index = VectorIndex(ephemeral)
    listed = {"textSearchConfigurations": configurations}
    new = {**index.names, "indexName": "new", "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    for operation, body in (
        ("CreateIndex", {**new, "metadataConfiguration": listed}),
        ("UpdateMetadataConfiguration", {**index.names, "add": listed}),
    ):
        answer = ephemeral.send("POST", f"/{operation}", body)
        assert (answer.status, answer.json["__type"]) == (400, "ValidationException"), answer.text
        assert [one["path"].endswith(path) for one in answer.json["fieldList"]] == [True]
    assert shown(index) is None
    assert ephemeral.send("POST", "/GetIndex", {**index.names, "indexName": "new"}).status == 404


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (["title", "plot"], "delete.textSearchConfigurations[0].metadataKey"),
        (["plot", "plot"], "delete.textSearchConfigurations[1].metadataKey"),
        ([], "/delete/textSearchConfigurations"),
    ],
)
def test_a_deletion_names_configured_keys_each_once(ephemeral: Api, keys: list[str], path: str) -> None:
    index = created(ephemeral, {"metadataKey": "plot"})
    assert refusal(delete, index, *keys)["fields"][0][0] == path
    assert configured(index) == [("plot", None, "ACTIVE")]


def test_changes_need_the_mode_enhanced(ephemeral: Api) -> None:
    index = created(ephemeral, {"metadataKey": "plot"})
    index.client.update_index_mode(**index.names, indexMode="CLASSIC")
    for change in (lambda: add(index, {"metadataKey": "title"}), lambda: delete(index, "plot")):
        refused = refusal(change)
        assert (refused["Code"], "UpdateIndexMode" in refused["Message"]) == ("ValidationException", True)


def test_fields_of_the_native_api_are_shown_with_the_language_that_has_a_code(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral)
    fields = {"plot": {"language": "russian"}, "title": {}, "by.name": {"language": None}}
    assert ephemeral.send("PATCH", f"/indexes/{NATIVE}", {"text": fields}).status == 200
    assert configured(index) == [("by.name", None, "ACTIVE"), ("plot", None, "ACTIVE"), ("title", "en", "ACTIVE")]
    add(index, {"metadataKey": "blurb"})
    assert ephemeral.send("GET", f"/indexes/{NATIVE}").json["index"]["text"]["plot"]["language"] == "russian"


def test_an_index_that_does_not_exist_is_not_found(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral)
    index.client.delete_index(**index.names)
    assert refusal(add, index, {"metadataKey": "plot"})["Code"] == "NotFoundException"
    ephemeral.create(NATIVE)
    assert refusal(add, index, {"metadataKey": "plot"})["Code"] == "NotFoundException"
