"""Which credentials are used, where they come from, and whether they have expired."""

import base64
import binascii
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from vectord_client.auth import Authorizer, Iam, Token
from vectord_client.cli.doctor.finding import Finding, fail, ok, warn

_SOON: Final = 300.0  # seconds
_SHOWN: Final = 4  # last characters of an access key's id, which is not a secret


def credentials(authorizer: Authorizer) -> Finding:
    """Return which credentials an authorizer uses."""
    if isinstance(authorizer, Iam):
        return _iam()
    if isinstance(authorizer, Token):
        return _token(authorizer.current or "")
    return ok("credentials", "none are sent")


def _iam() -> Finding:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  an extra, which the authorizer has found
    from botocore.session import Session  # noqa: PLC0415

    try:
        found = Session().get_credentials()
        frozen = found.get_frozen_credentials()
    except BotoCoreError as error:
        return fail("credentials", f"AWS credentials cannot be read: {error}", "aws sso login, or another AWS_PROFILE")
    temporary = ", temporary" if frozen.token else ""
    return ok("credentials", f"IAM, from {found.method}, access key …{frozen.access_key[-_SHOWN:]}{temporary}")


def _token(token: str) -> Finding:
    claims = _claims(token)
    if claims is None:
        return ok("credentials", "a token from VECTORD_TOKEN, which is not a JWT")
    whose = f"a token from VECTORD_TOKEN, of {claims.get('sub', 'an unknown subject')}"
    expires = claims.get("exp")
    if not isinstance(expires, int | float):
        return ok("credentials", f"{whose}, without an expiry")
    left = expires - time.time()
    when = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if left <= 0:
        return fail("credentials", f"{whose}: it expired at {when}", "put a new token into VECTORD_TOKEN")
    if left < _SOON:
        return warn("credentials", f"{whose}: it expires at {when}", "renew the token")
    return ok("credentials", f"{whose}, valid until {when}")


def _claims(token: str) -> Mapping[str, Any] | None:
    """Return the claims of a JWT without a check of its signature, or None if it is not one."""
    parts = token.strip().removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return claims if isinstance(claims, dict) else None
