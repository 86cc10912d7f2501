"""The command `audit`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from database.commands.terminal import json_option
from stac_api.commands.moments import shown_moment
from stac_api.commands.register import DAY, beginning, open_register, print_document, print_line

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Connection

    from stac_api.access.register.audit import AuditEvent


@click.command()
@click.option(
    "--subject", metavar="ID", help="Done to or by this person, entity or framework: its id, name or address."
)
@click.option("--since", type=DAY, help="From the beginning of this day on, UTC.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@json_option
def audit(subject: str | None, since: datetime | None, limit: int, as_json: bool) -> None:
    """Show what was done to entities, people and rights. The latest comes first, with its time and who did it.

    Nothing in this trail is ever changed or removed. It names people by their ids, which lead to nobody once they are
    erased.

    \b
      dinamis audit --subject ada.martin@example.org
      dinamis audit --since 2026-01-01 --json
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.register.audit import audit_events

    with open_register() as register:
        of = _meant(register.connection, subject) if subject else None
        events = audit_events(register.connection, of=of, since=beginning(since), limit=limit)
    if as_json:
        print_document(events)
        return
    for event in events:
        _print_event(event)


def _print_event(event: AuditEvent) -> None:
    detail = {name: value for name, value in event.detail.items() if name != "login"}
    who = event.actor or event.detail.get("login")
    print_line(f"{shown_moment(event.at)}  {event.action:<20}  {event.subject}  by {who}  {json.dumps(detail)}")


def _meant(connection: Connection[Any], subject: str) -> UUID | str:
    """The id that is meant; what is neither an entity nor a person is taken as it is, such as a set of rules."""
    from stac_api.access.errors import Unknown
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.people import person_of
    from stac_api.access.register.references import id_in

    if id_ := id_in(subject):
        return id_
    for find in (person_of, entity_of):
        try:
            return find(connection, subject).id
        except Unknown:
            continue
    return subject
