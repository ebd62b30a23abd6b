"""Settings are read once from environment variables and typed."""

from pathlib import Path

import pytest

from vectord.runtime import resources, stores
from vectord.runtime.settings import Settings
from vectord.storage.credentials import ContainerEndpoint, Credentials
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore


@pytest.mark.parametrize("environment", [{}, {"VECTORD_STORE": ""}])
def test_without_vectord_store_the_store_is_in_memory(environment: dict[str, str]) -> None:
    assert Settings.read(environment).bucket is None


@pytest.mark.parametrize(
    ("store", "bucket", "prefix"),
    [
        ("s3://b/p", "b", "p"),
        ("s3://b/p/q/", "b", "p/q"),
        ("s3://b", "b", "_vectors"),
        ("s3://b/", "b", "_vectors"),
        ("s3://a.b-c/_vectors", "a.b-c", "_vectors"),
    ],
)
def test_vectord_store_names_a_bucket_and_a_prefix(store: str, bucket: str, prefix: str) -> None:
    settings = Settings.read({"VECTORD_STORE": store})
    assert (settings.bucket, settings.prefix, settings.endpoint) == (bucket, prefix, None)


@pytest.mark.parametrize(
    "store", ["bucket/prefix", "s3:///prefix", "file://host/tmp", "file:tmp", "https://b.s3.example", "s3:b"]
)
def test_an_invalid_vectord_store_is_refused_and_named(store: str) -> None:
    with pytest.raises(ValueError, match="VECTORD_STORE"):
        Settings.read({"VECTORD_STORE": store})


def test_aws_endpoint_url_replaces_the_endpoint_of_aws() -> None:
    settings = Settings.read({"VECTORD_STORE": "s3://b/p", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert settings.endpoint == "http://127.0.0.1:1"


def test_aws_endpoint_url_s3_has_priority_over_aws_endpoint_url() -> None:
    environment = {
        "VECTORD_STORE": "s3://b/p",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
    }
    assert Settings.read(environment).endpoint == "http://127.0.0.1:2"


def test_credentials_and_region_are_read_from_the_environment() -> None:
    settings = Settings.read(
        {
            "AWS_ACCESS_KEY_ID": "access",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-2",
        }
    )
    assert (settings.credentials, settings.region) == (Credentials("access", "secret", "token"), "eu-west-1")


@pytest.mark.parametrize(
    "environment", [{}, {"AWS_ACCESS_KEY_ID": "access"}, {"AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}]
)
def test_missing_credentials_and_region_have_no_defaults(environment: dict[str, str]) -> None:
    settings = Settings.read(environment)
    assert (settings.credentials, settings.region) == (None, None)


def test_ca_bundle_and_fips_endpoints_are_read_from_the_environment() -> None:
    settings = Settings.read({"AWS_CA_BUNDLE": "/ca.pem", "AWS_USE_FIPS_ENDPOINT": "true"})
    assert (settings.ca_bundle, settings.fips) == ("/ca.pem", True)
    bucket = stores.bucket_of(settings, "b")
    assert (bucket.ca_bundle, bucket.fips) == ("/ca.pem", True)


@pytest.mark.parametrize("environment", [{}, {"AWS_CA_BUNDLE": "", "AWS_USE_FIPS_ENDPOINT": "false"}])
def test_without_a_ca_bundle_the_libraries_use_their_own(environment: dict[str, str]) -> None:
    settings = Settings.read(environment)
    assert (settings.ca_bundle, settings.fips) == (None, False)


def test_the_repr_of_settings_contains_no_secret() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "hidden"}
    assert "hidden" not in repr(Settings.read(keys))


def test_a_function_invokes_itself_by_its_alias() -> None:
    inside = {"AWS_LAMBDA_FUNCTION_NAME": "search-1", "VECTORD_FANOUT": "live"}
    assert Settings.read(inside).function == "search-1:live"


@pytest.mark.parametrize("missing", ["AWS_LAMBDA_FUNCTION_NAME", "VECTORD_FANOUT"])
def test_without_a_function_name_or_alias_nothing_is_invoked(missing: str) -> None:
    inside = {"AWS_LAMBDA_FUNCTION_NAME": "search-1", "VECTORD_FANOUT": "live"}
    assert Settings.read(inside | {missing: ""}).function is None


@pytest.mark.parametrize(
    ("variables", "function"), [({}, None), ({"VECTORD_COMPACT": ""}, None), ({"VECTORD_COMPACT": "c"}, "c")]
)
def test_vectord_compact_names_the_compact_function(variables: dict[str, str], function: str | None) -> None:
    assert Settings.read(variables).compact == function


@pytest.mark.parametrize(("environment", "shards"), [({}, 100), ({"VECTORD_MAX_SHARDS": "7"}, 7)])
def test_the_maximum_of_shards_is_read_from_the_environment(environment: dict[str, str], shards: int) -> None:
    assert Settings.read(environment).max_shards == shards


ENDPOINT = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9001/credentials"}
TOKEN = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "token"}
NO_FILES = {"AWS_SHARED_CREDENTIALS_FILE": "/absent/credentials", "AWS_CONFIG_FILE": "/absent/config"}


@pytest.mark.parametrize(
    ("more", "token"), [(TOKEN, "token"), ({}, None), ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": ""}, None)]
)
def test_the_container_endpoint_is_read_from_the_environment(more: dict[str, str], token: str | None) -> None:
    settings = Settings.read(ENDPOINT | NO_FILES | more)
    assert settings.container == ContainerEndpoint("http://127.0.0.1:9001/credentials", token)
    assert stores.bucket_of(settings, "b").container == settings.container


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": ""},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[bad/"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/credentials"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://127.0.0.1/credentials"},
        ENDPOINT | {"AWS_PROFILE": "mine"},
        ENDPOINT | {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"},
        ENDPOINT | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2"},
        ENDPOINT | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token"},
        ENDPOINT | {"AWS_CONFIG_FILE": __file__},
    ],
)
def test_what_only_botocore_can_ask_or_asks_before_is_left_to_it(environment: dict[str, str]) -> None:
    assert Settings.read(NO_FILES | environment).container is None


def test_a_file_url_names_a_folder_and_which_versions_are_kept(tmp_path: Path) -> None:
    settings = Settings.read({"VECTORD_STORE": f"{(tmp_path / 'a b').as_uri()}?versions=2&days=0.5&megabytes=3"})
    store = resources.store_of(settings)
    assert settings.bucket is None
    assert (tmp_path / "a b").is_dir()
    assert isinstance(store, FileStore)
    assert store.keep == Keep(versions=2, seconds=43_200, bytes=3 << 20)


@pytest.mark.parametrize("query", ["version=2", "versions=", "versions=-1", "days=x", "megabytes=nan", "days=inf"])
def test_a_file_url_with_another_option_or_value_is_refused(query: str, tmp_path: Path) -> None:
    settings = Settings.read({"VECTORD_STORE": f"{tmp_path.as_uri()}?{query}"})
    with pytest.raises(ValueError, match="file: URL"):
        resources.store_of(settings)
