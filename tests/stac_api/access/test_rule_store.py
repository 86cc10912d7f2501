"""Activating policy sets: they follow each other without a gap, and what was in force is never rewritten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from database import Database
from stac_api.access.errors import RulesRefused
from stac_api.access.policy import PolicySet
from stac_api.access.rule_store import activate, activate_now, history, in_force, load_draft, rollback

NOW = datetime.now(UTC)
BY = "the committee"


def a_set(identifier: str, begins: datetime, **fields: Any) -> PolicySet:
    """A set of one rule."""
    rule = {"collections": ["*"], "categories": ["PUBLIC"], "visibility": "full", "source": "an invented document"}
    document = {
        "id": identifier,
        "valid_from": begins,
        "source_document": "an invented document",
        "approved_by": BY,
        "rules": [rule],
        **fields,
    }
    return PolicySet.model_validate(document)


def days(number: float) -> datetime:
    """A time so many days from now."""
    return NOW + timedelta(days=number)


def timeline(connection: psycopg.Connection) -> list[tuple[str, datetime | None, datetime | None]]:
    """The active sets with their beginnings and ends."""
    return [(each.id, each.begins, each.ends) for each in history(connection) if each.state == "active"]


def test_history_is_activated_in_any_order(ruleless_database: Database) -> None:
    """Several sets activated at once stand one after the other, each until the next begins."""
    sets = [a_set("b", days(-10)), a_set("c", days(10)), a_set("a", days(-100))]
    with ruleless_database.connect("owner") as connection:
        assert activate(connection, sets, by=BY) == ["c", "b", "a"]
        assert timeline(connection) == [
            ("a", days(-100), days(-10)),
            ("b", days(-10), days(10)),
            ("c", days(10), None),
        ]
        assert in_force(connection, NOW) == sets[0]
        assert in_force(connection, days(-101)) is None
