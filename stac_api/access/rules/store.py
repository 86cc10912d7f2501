"""The policy sets in the database: draft, then active from a date until the next set begins; never rewritten.

For commands, with psycopg and as the owner; the API reads through `in_force.py`. The database refuses any change of a
set that was in force.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database.statements import statements
from stac_api.access.errors import RulesRefused
from stac_api.access.policy import LicenceRef, PolicySet
from stac_api.access.register.audit import Actor, note
from stac_api.access.rules.licences import Licence, publish

LOAD, ACTIVATE, END, WITHDRAW, ALL = statements(
    "stac_api.access", "load_policy_set", "activate_policy_set", "end_policy_set", "withdraw_policy_set", "policy_sets"
)


@dataclass(frozen=True, kw_only=True)
class StoredSet:
    """A set as stored in the database."""

    id: str
    state: Literal["draft", "active"]
    begins: datetime | None  #: None for a draft
    ends: datetime | None  #: None until further notice
    document: dict[str, Any]
    digest: str
    source_document: str
    decided_on: date | None
    approved_by: str
    loaded_at: datetime
    activated_at: datetime | None
    activated_by: str | None

    def as_json(self) -> dict[str, Any]:
        """Its metadata as JSON data, without the rules."""
        return {name: value for name, value in vars(self).items() if name != "document"}

    @property
    def policies(self) -> PolicySet:
        """The rules themselves."""
        return PolicySet.model_validate(self.document)


def history(connection: Connection[Any]) -> list[StoredSet]:
    """All sets: the active ones in chronological order, then the drafts."""
    with connection.cursor(row_factory=class_row(StoredSet)) as cursor:
        return cursor.execute(ALL).fetchall()


def in_force(connection: Connection[Any], at: datetime) -> PolicySet | None:
    """The set in force at a time."""
    return next((each.policies for each in _active(connection) if _holds(each, at)), None)


def load_draft(connection: Connection[Any], policies: PolicySet) -> bool:
    """Store a set as a draft, or replace the draft of that name.

    Returns:
        Whether the set is new or changed.

    Raises:
        RulesRefused: a set of that name is active with other content.
    """
    stored = next((each for each in history(connection) if each.id == policies.id), None)
    if stored and stored.policies == _with_actual_beginning(policies, stored, _now(connection)):
        return False
    document = policies.model_dump(mode="json")
    columns = policies.model_dump(include={"id", "source_document", "decided_on", "approved_by"})
    row = connection.execute(LOAD, {**columns, "document": Jsonb(document), "digest": digest_of(document)}).fetchone()
    if row is None:
        raise RulesRefused(f"{policies.id} is active and stays as it is: write the new rules under another id.")
    return True


def activate(
    connection: Connection[Any], sets: Iterable[PolicySet], licences: Iterable[Licence] = (), *, by: str
) -> list[str]:
    """Put sets in force from their dates on, in one transaction; those already active stay.

    A set must begin in the future, or before all active ones, or anywhere while there is none. It ends where the next
    one begins, and the one before it ends where it begins.

    Args:
        connection: As the owner of the database.
        sets: The sets; those that are not drafts yet become drafts first.
        licences: Licences to publish with them.
        by: Who activates them.

    Returns:
        The ids of those that became active, the latest first.

    Raises:
        RulesRefused: one would begin in the past, or together with another, or names a licence that is not loaded.
    """
    # The latest first: while there is none, only the first may begin in the past; the others then precede it.
    ordered = sorted(sets, key=lambda each: each.valid_from, reverse=True)
    with connection.transaction():
        _lock(connection)
        publish(connection, licences)
        now = _now(connection)
        return [each.id for each in ordered if _activated(connection, each, by, now)]


def activate_now(
    connection: Connection[Any], policies: PolicySet, licences: Iterable[Licence] = (), *, by: str
) -> PolicySet:
    """Put a set in force at once, whatever its date.

    Returns:
        The set as it is in force, with its actual beginning.

    Raises:
        RulesRefused: it is active already, or names a licence that is not loaded.
    """
    with connection.transaction():
        _lock(connection)
        publish(connection, licences)
        now = _now(connection)
        begun = policies.model_copy(update={"valid_from": now})
        if not _activated(connection, begun, by, now):
            raise RulesRefused(f"{policies.id} has begun already: see `dinamis rules show --history`.")
    return begun


def rollback(connection: Connection[Any], *, by: str) -> PolicySet:
    """Undo the last activation: a set that has not begun becomes a draft again; otherwise the former rules return.

    The history is kept: the former rules begin again now, under another id.

    Returns:
        The set that takes its place.

    Raises:
        RulesRefused: there is no earlier set.
    """
    with connection.transaction():
        _lock(connection)
        active = _active(connection)
        if len(active) < 2:
            raise RulesRefused("There is no set before the last one: activate other rules instead.")
        former, last = active[-2:]
        if last.begins and last.begins > _now(connection):
            connection.execute(WITHDRAW, {"id": last.id})
            note(connection, Actor(login=by), "policy-set.withdraw", last.id)
            connection.execute(END, {"id": former.id, "ends": last.ends})
            return former.policies
        return activate_now(connection, _again(former.policies, last.id, [each.id for each in active]), by=by)


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of a JSON document in its canonical form, in hexadecimal."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _lock(connection: Connection[Any]) -> None:
    # Readers are not blocked; of two concurrent activations, the second sees the result of the first.
    connection.execute("LOCK TABLE dinamis.policy_set IN SHARE ROW EXCLUSIVE MODE")


def _now(connection: Connection[Any]) -> datetime:
    ((now,),) = connection.execute("SELECT clock_timestamp()").fetchall()
    return cast("datetime", now)


def _active(connection: Connection[Any]) -> list[StoredSet]:
    return [each for each in history(connection) if each.state == "active"]


def _with_actual_beginning(policies: PolicySet, stored: StoredSet, now: datetime) -> PolicySet:
    # A set that began by `activate_now` did so at another time than its file says, where it stays.
    has_begun = stored.begins is not None and stored.begins <= now
    return policies.model_copy(update={"valid_from": stored.begins}) if has_begun else policies


def _holds(stored: StoredSet, at: datetime) -> bool:
    return stored.begins is not None and stored.begins <= at and (stored.ends is None or at < stored.ends)


def _activated(connection: Connection[Any], policies: PolicySet, by: str, now: datetime) -> bool:
    load_draft(connection, policies)
    active = _active(connection)
    if any(each.id == policies.id for each in active):
        return False
    _refuse_unknown_licences(connection, policies)
    before = next((each for each in active if _holds(each, policies.valid_from)), None)
    if before:
        _refuse_late(policies, before, now)
        connection.execute(END, {"id": before.id, "ends": policies.valid_from})
    ends = before.ends if before else (active[0].begins if active else None)
    connection.execute(ACTIVATE, {"id": policies.id, "begins": policies.valid_from, "ends": ends, "by": by})
    note(connection, Actor(login=by), "policy-set.activate", policies.id, begins=policies.valid_from.isoformat())
    return True


def _refuse_late(policies: PolicySet, before: StoredSet, now: datetime) -> None:
    if policies.valid_from == before.begins:
        raise RulesRefused(f"{policies.id} begins when {before.id} does: give it another valid_from.")
    if policies.valid_from < now:
        raise RulesRefused(
            f"{policies.id} would begin at {policies.valid_from.isoformat()}, in the past, while {before.id} was in "
            "force: give it a later valid_from, or let it begin at once (`dinamis rules activate --now`)."
        )


def _refuse_unknown_licences(connection: Connection[Any], policies: PolicySet) -> None:
    known = set(connection.execute("SELECT id, version FROM dinamis.licence").fetchall())
    missing = sorted(
        f"{each.id} version {each.version}" for each in licences_of(policies) if (each.id, each.version) not in known
    )
    if missing:
        raise RulesRefused(f"{policies.id} names licences that are not loaded: {', '.join(missing)}.")


def licences_of(policies: PolicySet) -> set[LicenceRef]:
    """The licences that the rules name."""
    return {rule.licence for rule in policies.rules if rule.licence}


_AGAIN = re.compile(r"-again-\d+$")


def _again(former: PolicySet, instead_of: str, taken: Sequence[str]) -> PolicySet:
    stem = _AGAIN.sub("", former.id)
    number = next(number for number in range(1, len(taken) + 2) if f"{stem}-again-{number}" not in taken)
    note = f"The rules of {former.id} again, instead of {instead_of}."
    return former.model_copy(update={"id": f"{stem}-again-{number}", "notes": (*former.notes, note)})
