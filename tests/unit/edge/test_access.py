"""The claim of a token is read exactly, and what is not a list of rights grants nothing."""

from typing import Any

import pytest

from vectord.edge import access
from vectord.edge.access import Right
from vectord.errors import AccessDenied


def event(claim: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"jwt": {"claims": {"rights": claim, "sub": "user"}}}}}


def allowed(claim: Any, right: Right, index: str) -> bool:
    try:
        access.authorize(event(claim), "rights", right, index)
    except AccessDenied:
        return False
    return True


@pytest.mark.parametrize(
    ("granted", "allows"),
    [("read", {"read"}), ("write", {"read", "write"}), ("admin", {"read", "write", "admin"})],
)
def test_a_right_includes_the_lesser_ones(granted: str, allows: set[str]) -> None:
    rights: tuple[Right, ...] = ("read", "write", "admin")
    assert {right for right in rights if allowed(f"{granted}:films", right, "films")} == allows


@pytest.mark.parametrize(
    ("pattern", "index", "expected"),
    [
        ("films", "films", True),
        ("films", "films-2", False),
        ("films", "film", False),
        ("films", "Films", False),
        ("films*", "films", True),
        ("films*", "films-2", True),
        ("films*", "film", False),
        ("team-a-*", "team-a-x", True),
        ("team-a-*", "team-a", False),
        ("team-a-*", "team-ab", False),
        ("a.c", "abc", False),
        ("*", "anything", True),
    ],
)
def test_a_pattern_is_a_name_or_the_start_of_names(pattern: str, index: str, expected: bool) -> None:
    assert allowed(f"read:{pattern}", "read", index) is expected


@pytest.mark.parametrize(
    "claim",
    ["[read:films write:team-a-*]", "read:films write:team-a-*", ["read:films", "write:team-a-*"]],
    ids=["an array as the gateway passes it", "text with spaces", "a list"],
)
def test_a_claim_is_an_array_or_text_with_spaces(claim: Any) -> None:
    assert allowed(claim, "read", "films")
    assert allowed(claim, "write", "team-a-1")
    assert not allowed(claim, "write", "films")


@pytest.mark.parametrize("claim", ["read:films", "[read:films]", ["read:films"]])
def test_a_claim_may_hold_one_right(claim: Any) -> None:
    assert allowed(claim, "read", "films")
    assert not allowed(claim, "read", "other")


@pytest.mark.parametrize(
    "claim",
    [
        *("", "[]", "[ ]", "*", "admin", "admin:", ":films", "Admin:*", "owner:*", "admin:**", "admin:*a", "admin:a*b"),
        *("admin:* ", " admin:*", "admin:*\n", "admin:*,read:films", "admin:*  read:films", "admin:*\tread:films"),
        *("[admin:*", "admin:*]", "[[admin:*]]", "[admin:*] ", "[admin:*][read:films]", '["admin:*"]', "{admin:*}"),
        *(
            "[map[a:admin:*] admin:*]",
            "openid admin:*",
            "admin:* x",
            "admin:films/..",
            "admin:%2A",
            "admin:ü*",
            "admin:?",
        ),
        *(["admin:* read:films"], ["admin:*", 1], ["admin:*", None], [["admin:*"]], {"admin:*": True}, 1, True, None),
    ],
    ids=repr,
)
def test_a_claim_that_is_not_a_list_of_rights_grants_nothing(claim: Any) -> None:
    assert not any(allowed(claim, "read", index) for index in ("films", "a", "*", "", "admin:*"))


@pytest.mark.parametrize(
    "context",
    [
        *({}, {"requestContext": {}}, {"requestContext": {"authorizer": None}}, {"requestContext": {"authorizer": {}}}),
        *(
            {"requestContext": {"authorizer": {"jwt": None}}},
            {"requestContext": {"authorizer": {"jwt": {"claims": {}}}}},
        ),
        {"requestContext": {"authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/admin"}}}},
        {"requestContext": {"authorizer": {"jwt": {"claims": {"scope": "admin:*"}, "scopes": ["admin:*"]}}}},
        {"requestContext": {"authorizer": {"claims": {"rights": "admin:*"}}}, "headers": {"rights": "admin:*"}},
    ],
    ids=range(9),
)
def test_without_the_claim_nothing_is_granted(context: dict[str, Any]) -> None:
    with pytest.raises(AccessDenied):
        access.authorize(context, "rights", "read", "films")
