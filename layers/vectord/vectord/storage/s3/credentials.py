"""Credentials and region where the environment has none: botocore's chain, such as a profile or a container."""

from collections.abc import Callable
from typing import Final

import botocore.session

from vectord.errors import StoreRefused
from vectord.storage.s3.client import classified
from vectord.storage.s3.sigv4 import Keys

_DEFAULT_REGION: Final = "us-east-1"  # as boto3 has it


def keys() -> Callable[[], Keys]:
    """Return what gives the chain's credentials, renewed before they expire.

    Raises:
        StoreRefused: it finds none, at each call.
    """
    session = botocore.session.get_session()

    def present() -> Keys:
        with classified():
            found = session.get_credentials()
            frozen = found and found.get_frozen_credentials()
        if not frozen or not frozen.access_key or not frozen.secret_key:
            raise StoreRefused("NoCredentials")
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    return present


def region() -> str:
    """Return the region of the profile."""
    with classified():
        return botocore.session.get_session().get_config_variable("region") or _DEFAULT_REGION
