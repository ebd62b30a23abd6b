"""What the environment says, read once and typed."""

import pytest

from vectord.runtime import resources
from vectord.runtime.settings import Settings
from vectord.storage.credentials import Credentials


@pytest.mark.parametrize("environment", [{}, {"VECTORD_STORE": ""}])
def test_without_a_store_all_is_ephemeral(environment: dict[str, str]) -> None:
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
def test_a_store_is_a_bucket_and_a_prefix(store: str, bucket: str, prefix: str) -> None:
    settings = Settings.read({"VECTORD_STORE": store})
    assert (settings.bucket, settings.prefix, settings.endpoint) == (bucket, prefix, None)


@pytest.mark.parametrize("store", ["bucket/prefix", "s3:///prefix", "file:///tmp", "https://b.s3.example", "s3:b"])
def test_anything_else_is_refused_by_its_name(store: str) -> None:
    with pytest.raises(ValueError, match="VECTORD_STORE"):
        Settings.read({"VECTORD_STORE": store})


def test_an_endpoint_that_stands_in_for_aws_is_honoured() -> None:
    settings = Settings.read({"VECTORD_STORE": "s3://b/p", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert settings.endpoint == "http://127.0.0.1:1"


def test_an_endpoint_for_s3_alone_comes_before_one_for_all_of_aws() -> None:
    environment = {
        "VECTORD_STORE": "s3://b/p",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
    }
    assert Settings.read(environment).endpoint == "http://127.0.0.1:2"


def test_credentials_and_region_are_those_of_the_environment() -> None:
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
def test_without_credentials_and_region_none_are_made_up(environment: dict[str, str]) -> None:
    settings = Settings.read(environment)
    assert (settings.credentials, settings.region) == (None, None)


def test_a_bundle_of_certificates_and_fips_endpoints_are_those_of_the_environment() -> None:
    settings = Settings.read({"AWS_CA_BUNDLE": "/ca.pem", "AWS_USE_FIPS_ENDPOINT": "true"})
    assert (settings.ca_bundle, settings.fips) == ("/ca.pem", True)
    bucket = resources.bucket_of(settings, "b")
    assert (bucket.ca_bundle, bucket.fips) == ("/ca.pem", True)


@pytest.mark.parametrize("environment", [{}, {"AWS_CA_BUNDLE": "", "AWS_USE_FIPS_ENDPOINT": "false"}])
def test_without_them_the_libraries_use_their_own(environment: dict[str, str]) -> None:
    settings = Settings.read(environment)
    assert (settings.ca_bundle, settings.fips) == (None, False)


def test_no_secret_shows_where_settings_are_shown() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "hidden"}
    assert "hidden" not in repr(Settings.read(keys))


def test_a_function_calls_itself_by_the_alias_that_is_named() -> None:
    inside = {"AWS_LAMBDA_FUNCTION_NAME": "search-1", "VECTORD_FANOUT": "live"}
    assert Settings.read(inside).function == "search-1:live"


@pytest.mark.parametrize("missing", ["AWS_LAMBDA_FUNCTION_NAME", "VECTORD_FANOUT"])
def test_without_a_function_or_an_alias_nothing_is_called(missing: str) -> None:
    inside = {"AWS_LAMBDA_FUNCTION_NAME": "search-1", "VECTORD_FANOUT": "live"}
    assert Settings.read(inside | {missing: ""}).function is None


@pytest.mark.parametrize(
    ("said", "meant"), [({}, None), ({"VECTORD_COMPACT": ""}, None), ({"VECTORD_COMPACT": "c"}, "c")]
)
def test_the_function_that_compacts_is_the_one_that_is_named(said: dict[str, str], meant: str | None) -> None:
    assert Settings.read(said).compact == meant
