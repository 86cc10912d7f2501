"""The commands on signing keys, as an operator types them."""

from __future__ import annotations

from database import Database
from tests.stac_api.operators import Operator


def test_keys_are_rotated_and_listed(database: Database) -> None:
    """A new key signs, the one of the start is honoured for a week more, and secrets are not shown."""
    operator = Operator(database)
    assert [each["kid"] for each in operator.reads("signing-key", "list")] == ["first"]
    kid = operator.types("signing-key", "rotate").strip()
    listed = operator.reads("signing-key", "list")
    assert [(each["kid"], each["honoured_until"] is None) for each in listed] == [(kid, True), ("first", False)]
    assert listed[0].keys() == {"kid", "created_at", "retired_at", "honoured_until"}
    assert operator.types("signing-key", "list").splitlines()[0].endswith("signs")


def test_leaked_keys_are_revoked(database: Database) -> None:
    """A rotation that revokes leaves the new key alone."""
    operator = Operator(database)
    operator.types("signing-key", "rotate")
    kid = operator.types("signing-key", "rotate", "--revoke").strip()
    assert [each["kid"] for each in operator.reads("signing-key", "list")] == [kid]
