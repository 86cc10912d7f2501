"""Refusals: each reason has its words, its status and what to do about it, and what is hidden tells nothing."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from stac_api.access.authorize import Decision, Reason
from stac_api.access.policy import LicenceRef, Rule
from stac_api.access.refusals import Refused, in_words, remedies

RULE = Rule(
    collections=("images",),
    categories=("PUBLIC",),
    visibility="full",
    download="member_signed",
    licence=LicenceRef(id="uia", version=3),
    source="an invented document",
)


def a_request() -> Request:
    """A request to a server below a path."""
    app = Starlette()
    app.state.router_prefix = ""
    return Request(
        {
            "app": app,
            "type": "http",
            "method": "GET",
            "path": "/assets/x",
            "root_path": "/catalogue",
            "headers": [],
            "query_string": b"",
            "server": ("stac.example.org", 443),
            "scheme": "https",
        }
    )


def refused(*reasons: Reason) -> Refused:
    """A refusal for these reasons."""
    return Refused(Decision(allowed=False, reasons=reasons, rule=RULE, policy_set="2025-Q1"))


TOLD = [reason for reason in Reason if reason is not Reason.HIDDEN]


@pytest.mark.parametrize("reason", TOLD)
def test_every_reason_is_told(reason: Reason) -> None:
    """Whatever the reason is, people and programs are told of it, and of the rules behind it."""
    refusal = refused(reason)
    assert refusal.status == (401 if reason is Reason.NOT_AUTHENTICATED else 403)
    assert ("WWW-Authenticate" in refusal.headers) is (refusal.status == 401)
    assert refusal.headers["Cache-Control"] == "private, no-store"
    assert in_words([reason]) in str(refusal)
    assert in_words([reason]).endswith(".")
    members = refusal.members(a_request())
    assert members["reasons"] == [reason]
    assert members["policy_set"] == "2025-Q1"


def test_what_is_hidden_tells_nothing() -> None:
    """Neither reasons, nor rules, nor ways to log in: it is as if it were not there."""
    for refusal in (refused(Reason.HIDDEN), refused(Reason.ACCOUNT_SUSPENDED, Reason.HIDDEN)):
        assert refusal.status == 404
        assert refusal.members(a_request()) == {}
        assert "WWW-Authenticate" not in refusal.headers
        assert str(refusal) == str(refused(Reason.HIDDEN))


def test_remedies_are_addresses_of_this_server() -> None:
    """What to do leads below the address that clients see, to the licence of the rule."""
    decision = refused(Reason.LICENCE_NOT_SIGNED, Reason.CATEGORY_NOT_ELIGIBLE).decision
    found = [(each.rel, each.method, each.href) for each in remedies(decision, a_request())]
    base = "https://stac.example.org/catalogue/"
    assert found == [
        ("license", "GET", f"{base}licenses/uia/3"),
        ("sign-license", "POST", f"{base}licenses/uia/3/signatures"),
        ("apply", "POST", f"{base}accounts/applications"),
    ]
