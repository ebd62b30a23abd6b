"""Errors of answers that do not come from vectord, but from API Gateway, a proxy or another server."""

from vectord_client.errors import Throttled, VectordError


class GatewayError(VectordError):
    """The answer comes from API Gateway, a proxy or another server."""


class NotVectord(GatewayError):
    """The answer shows that the URL is not that of a vectord API."""


class AnswerInvalid(GatewayError):
    """The answer is successful, but it does not have the form that the API has."""


class AccessRefused(GatewayError):
    """API Gateway refused the credentials (401 or 403)."""


class ClockSkewed(AccessRefused):
    """The credentials were refused, and the local clock differs from the server's. `seconds` > 0: it is ahead."""

    seconds: float = 0.0


class GatewayThrottled(GatewayError, Throttled):
    """API Gateway has more requests than the deployment allows (429). Nothing was changed."""


class GatewayFailed(GatewayError):
    """The function or API Gateway failed without an answer of vectord (5xx without a problem type)."""


class RequestRefused(GatewayError):
    """API Gateway or a proxy refused the request (4xx without a problem type)."""
