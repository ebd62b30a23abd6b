"""What the tests of credentials share: an address of API Gateway, an answer, and the secret key of the environment."""

from tests.support.raw_server import answer

from vectord_client import Client

AWS = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
EMPTY = answer(200, {"indexes": [], "next": None})
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # of AWS's documentation


def list_indexes(client: Client) -> None:
    """Send one request, for a list that is empty, and close the client."""
    with client:
        assert list(client.indexes()) == []
