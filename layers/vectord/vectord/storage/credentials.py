"""AWS credentials; and botocore's provider chain, which finds credentials and region if the environment has none.

The chain reads profiles and instance metadata. It needs botocore, whose import takes 0.16 s, so it is imported only if
the chain is used. In Lambda the environment has the region, and the credentials or, with SnapStart, the endpoint that
gives them (`storage/container.py`).
"""

from collections.abc import Callable
from typing import Final

import msgspec

from vectord.errors import StoreRefused

_DEFAULT_REGION: Final = "us-east-1"  # boto3's default


class Credentials(msgspec.Struct, frozen=True):
    """An access key and its secret, with a session token if they are temporary."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, ...)"  # secrets must not reach a log


class ContainerEndpoint(msgspec.Struct, frozen=True):
    """The URL that returns the credentials of a container, and the token that it requires."""

    url: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"ContainerEndpoint({self.url!r}, ...)"


def credentials_chain() -> Callable[[], Credentials]:
    """Return a function that returns the chain's credentials and renews them before they expire.

    That function raises:
        StoreRefused: the chain finds no credentials.
    """
    import botocore.session  # noqa: PLC0415 - only where the environment has no credentials
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  a search does without botocore

    session = botocore.session.get_session()

    def current() -> Credentials:
        try:
            credentials = session.get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        except (BotoCoreError, OSError, ValueError, KeyError) as error:
            # Of these, the last three come from a container endpoint or a process that the configuration names.
            raise StoreRefused(type(error).__name__) from error
        if not frozen or not frozen.access_key or not frozen.secret_key:
            raise StoreRefused("NoCredentials")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current


def profile_region() -> str:
    """Return the region of the AWS profile."""
    import botocore.session  # noqa: PLC0415 - only where the environment has no region
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  a search does without botocore

    try:
        return botocore.session.get_session().get_config_variable("region") or _DEFAULT_REGION
    except BotoCoreError as error:
        raise StoreRefused(type(error).__name__) from error
