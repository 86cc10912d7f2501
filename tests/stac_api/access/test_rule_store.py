"""Activating policy sets: they follow each other without a gap, and what was in force is never rewritten."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from database import Database
from stac_api.access.errors import RulesRefused
from stac_api.access.policy import PolicySet
from stac_api.access.register.audit import audit_events
from stac_api.access.rules.licences import Licence, publish
from stac_api.access.rules.store import activate, activate_now, history, in_force, load_draft, rollback
from tests.postgres import forget_rules

NOW = datetime.now(UTC)
BY = "the committee"


@pytest.fixture
def ruleless_database(module_database: Database) -> Database:
    """The database of the module, without what the test before activated."""
    forget_rules(module_database)
    return module_database


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


def test_a_set_of_the_future_ends_the_one_before(ruleless_database: Database) -> None:
    """From its date on the new set decides; until then the old one does, and its rules are as they were."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-10))], by=BY)
        activate(connection, [a_set("c", days(20))], by=BY)
        activate(connection, [a_set("b", days(10))], by=BY)
        assert timeline(connection) == [
            ("a", days(-10), days(10)),
            ("b", days(10), days(20)),
            ("c", days(20), None),
        ]


def test_history_may_be_added_before_the_first_set(ruleless_database: Database) -> None:
    """What held before anybody kept it here is written down later, up to the first set that is here."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("b", days(-10))], by=BY)
        activate(connection, [a_set("a", days(-100))], by=BY)
        assert timeline(connection) == [("a", days(-100), days(-10)), ("b", days(-10), None)]


@pytest.mark.parametrize("begins", [-5, -10])
def test_no_set_begins_where_another_was_in_force(ruleless_database: Database, begins: float) -> None:
    """A set that would begin in the past, or with another, is refused, and nothing of it is kept."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-10))], by=BY)
        with pytest.raises(RulesRefused, match="valid_from"):
            activate(connection, [a_set("c", days(5)), a_set("b", days(begins))], by=BY)
        assert [each.id for each in history(connection)] == ["a"]


def test_an_emergency_begins_at_once(ruleless_database: Database) -> None:
    """With --now the date in the file does not matter: the set begins when it is activated."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-10)), a_set("c", days(10))], by=BY)
        begun = activate_now(connection, a_set("b", days(-5)), by=BY)
        first, second, third = timeline(connection)
        assert first == ("a", days(-10), begun.valid_from)
        assert second == ("b", begun.valid_from, days(10))
        assert third == ("c", days(10), None)
        assert NOW < begun.valid_from < datetime.now(UTC) + timedelta(minutes=1)


def test_activating_again_changes_nothing(ruleless_database: Database) -> None:
    """A set that is active with the same content stays; with another content it is refused."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-10))], by=BY)
        before = history(connection)
        assert activate(connection, [a_set("a", days(-10))], by="somebody else") == []
        assert history(connection) == before
        with pytest.raises(RulesRefused, match="another id"):
            activate(connection, [a_set("a", days(-10), approved_by="somebody else")], by=BY)


@pytest.mark.parametrize("written", [-5, 5])
def test_all_may_be_activated_again_after_an_emergency(ruleless_database: Database, written: float) -> None:
    """The file of a set that began at once keeps its date: with it the folder is loaded and activated as before."""
    with ruleless_database.connect("owner") as connection:
        folder = [a_set("a", days(-10)), a_set("b", days(written))]
        activate(connection, folder[:1], by=BY)
        activate_now(connection, folder[1], by=BY)
        before = history(connection)
        assert not load_draft(connection, folder[1])
        assert activate(connection, folder, by=BY) == []
        assert history(connection) == before
        with pytest.raises(RulesRefused, match="begun already"):
            activate_now(connection, folder[1], by=BY)
        with pytest.raises(RulesRefused, match="another id"):
            load_draft(connection, a_set("b", days(written), approved_by="somebody else"))


def test_the_beginning_of_an_active_set_of_the_future_stays(ruleless_database: Database) -> None:
    """A set that is active but has not begun is not moved by another date in its file: that is refused."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-10)), a_set("b", days(10))], by=BY)
        with pytest.raises(RulesRefused, match="another id"):
            activate(connection, [a_set("b", days(20))], by=BY)


def test_a_draft_decides_nothing_and_may_change(ruleless_database: Database) -> None:
    """A draft is replaced as often as one likes; it is not in force on its date."""
    with ruleless_database.connect("owner") as connection:
        assert load_draft(connection, a_set("a", days(-10)))
        assert load_draft(connection, a_set("a", days(-10), approved_by="somebody else"))
        assert not load_draft(connection, a_set("a", days(-10), approved_by="somebody else"))
        (draft,) = history(connection)
        assert (draft.state, draft.approved_by) == ("draft", "somebody else")
        assert in_force(connection, NOW) is None


def test_a_set_of_the_future_is_rolled_back_to_a_draft(ruleless_database: Database) -> None:
    """Before it begins a set can be taken back: the one before it goes on as if nothing had been."""
    with ruleless_database.connect("owner") as connection:
        first = a_set("a", days(-10))
        activate(connection, [first, a_set("b", days(10))], by=BY)
        assert rollback(connection, by=BY) == first
        assert timeline(connection) == [("a", days(-10), None)]
        assert [each.id for each in history(connection) if each.state == "draft"] == ["b"]


def test_whatever_is_done_to_rules_stands_in_the_trail(ruleless_database: Database) -> None:
    """Also a set that was activated and withdrawn before it began, of which the sets themselves tell nothing."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("noted", days(-10)), a_set("withdrawn", days(10))], by="one")
        rollback(connection, by="another")
        events = audit_events(connection, of="withdrawn") + audit_events(connection, of="noted")
    assert [(each.action, each.detail["login"]) for each in events] == [
        ("policy-set.withdraw", "another"),
        ("policy-set.activate", "one"),
        ("policy-set.activate", "one"),
    ]


def test_former_rules_return_under_another_id(ruleless_database: Database) -> None:
    """A set in force is not taken out of the history: the rules before it begin anew now, with a note."""
    with ruleless_database.connect("owner") as connection:
        first, second = a_set("a", days(-20)), a_set("b", days(-10))
        activate(connection, [first, second], by=BY)
        again = rollback(connection, by=BY)
        assert again.id == "a-again-1"
        assert again.rules == first.rules
        assert "instead of b" in again.notes[-1]
        assert in_force(connection, days(-5)) == second
        assert in_force(connection, datetime.now(UTC)) == again


def test_rules_go_back_and_forth(ruleless_database: Database) -> None:
    """Each rollback takes the last one back, under an id that is not taken."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-20)), a_set("b", days(-10))], by=BY)
        assert [rollback(connection, by=BY).id for _ in range(4)] == [
            "a-again-1",
            "b-again-1",
            "a-again-2",
            "b-again-2",
        ]


def test_the_only_set_cannot_be_rolled_back(ruleless_database: Database) -> None:
    """Without rules before it, nothing could hold in its place."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-20))], by=BY)
        with pytest.raises(RulesRefused, match="no set before"):
            rollback(connection, by=BY)


LATER = "'2099-01-01Z'"
AS_DRAFT = "state = 'draft', valid = NULL, activated_at = NULL, activated_by = NULL"
ACTIVE = "state = 'active', activated_at = now(), activated_by = 'x'"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dinamis.policy_set SET document = '{}' WHERE id = 'b'",
        "UPDATE dinamis.policy_set SET id = 'z' WHERE id = 'b'",
        f"UPDATE dinamis.policy_set SET {AS_DRAFT} WHERE id = 'b'",
        "UPDATE dinamis.policy_set SET valid = tstzrange(lower(valid) + interval '1 day', upper(valid)) WHERE id = 'b'",
        f"UPDATE dinamis.policy_set SET valid = tstzrange(lower(valid), {LATER}) WHERE id = 'a'",
        f"UPDATE dinamis.policy_set SET valid = tstzrange(lower(valid), {LATER}) WHERE id = 'b'",
        "DELETE FROM dinamis.policy_set WHERE id = 'a'",
        "TRUNCATE dinamis.policy_set",
        f"UPDATE dinamis.policy_set SET valid = tstzrange(now() - interval '1 day', NULL), {ACTIVE} WHERE id = 'draft'",
        f"UPDATE dinamis.policy_set SET valid = tstzrange(now() + interval '1 day', NULL), {ACTIVE} WHERE id = 'draft'",
    ],
    ids=["content", "name", "withdraw", "beginning", "past-end", "gap", "delete", "empty", "past", "overlap"],
)
def test_the_database_itself_keeps_the_history(ruleless_database: Database, statement: str) -> None:
    """Whatever the owner tries by hand: what is in force or was stays, without a gap and without an overlap."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-20)), a_set("b", days(-10))], by=BY)
        load_draft(connection, a_set("draft", days(-5)))
        before = history(connection)
        connection.commit()
        with pytest.raises(psycopg.errors.IntegrityError):
            connection.execute(f"{statement}; SET CONSTRAINTS ALL IMMEDIATE")  # what a commit looks at
        connection.rollback()
        assert history(connection) == before


def test_two_sessions_activate_at_once(ruleless_database: Database) -> None:
    """However two sessions interleave, the sets stand one after the other in the end."""
    with ruleless_database.connect("owner") as connection:
        activate(connection, [a_set("a", days(-20))], by=BY)
    together = threading.Barrier(2)

    def activate_some(offset: int) -> None:
        with ruleless_database.connect("owner", autocommit=True) as connection:
            together.wait(10)
            for number in range(offset, 20, 2):
                activate(connection, [a_set(f"set-{number:02}", days(1 + number))], by=BY)

    with ThreadPoolExecutor(2) as sessions:
        list(sessions.map(activate_some, (0, 1)))
    with ruleless_database.connect("owner") as connection:
        stands = timeline(connection)
    assert [each[0] for each in stands] == ["a", *(f"set-{number:02}" for number in range(20))]
    assert all(one[2] == next_one[1] for one, next_one in pairwise(stands))


def test_rules_name_only_licences_that_are_there(ruleless_database: Database) -> None:
    """Nobody could sign a licence without a text: a set that names one is not activated."""
    signed = {"download": "member_signed", "licence": {"id": "invented", "version": 1}}
    rule = {"collections": ["*"], "categories": ["SCI_FR"], "visibility": "full", "source": "a guide", **signed}
    with ruleless_database.connect("owner") as connection:
        with pytest.raises(RulesRefused, match="invented version 1"):
            activate(connection, [a_set("a", days(-1), rules=[rule])], by=BY)
        assert activate(connection, [a_set("a", days(-1), rules=[rule])], [a_licence("Be good.")], by=BY) == ["a"]


def a_licence(text: str) -> Licence:
    """A licence with this text."""
    return Licence(id="invented", version=1, kind="signed", title="Invented", href="https://example.org", text=text)


def test_the_text_of_a_licence_never_changes(ruleless_database: Database) -> None:
    """Another text under the same version is refused: somebody may have signed the first."""
    with ruleless_database.connect("owner") as connection:
        assert publish(connection, [a_licence("Be good.")]) == [a_licence("Be good.")]
        assert publish(connection, [a_licence("Be good.")]) == []
        with pytest.raises(RulesRefused, match="version 2"):
            publish(connection, [a_licence("Be better.")])
        connection.commit()
        with pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
            connection.execute("UPDATE dinamis.licence SET title = 'x'")


def test_the_api_only_reads_rules(ruleless_database: Database) -> None:
    """The role of the API cannot change a right of anybody."""
    with (
        ruleless_database.connect("api") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        activate(connection, [a_set("a", days(-1))], by=BY)
