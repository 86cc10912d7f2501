"""The commands `framework`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from database.commands.terminal import json_option
from stac_api.access.register.categories import FrameworkKind
from stac_api.commands.register import (
    DAY,
    beginning,
    by_option,
    end,
    open_register,
    print_document,
    print_line,
    print_table,
    shown_day,
    shown_last_day,
)


@click.group()
def framework() -> None:
    """Manage missions, partnerships and projects. People's rights derive from them for a time.

    A contractor has the rights of the public actor they work for, a foreign scientist those of a French partner, and
    neither longer than the framework that binds them. FRAMEWORK is a title or an id everywhere.

    \b
      dinamis framework add mission "Trait de côte 2026" --principal "Ville de Sète" --until 2026-12-31
      dinamis framework list
      dinamis framework end "Trait de côte 2026"
    """  # noqa: D301  # click needs the character, which a raw string lacks


@framework.command()
@click.argument("kind", type=click.Choice([each.value for each in FrameworkKind]))
@click.argument("title")
@click.option("--principal", metavar="ENTITY", help="The French actor behind it: whom it is done for, or with.")
@click.option("--since", type=DAY, help="From the beginning of this day on, UTC. [default: now]")
@click.option("--until", type=DAY, required=True, help="Until the end of this day, UTC.")
@by_option
@json_option
def add(
    kind: str,
    title: str,
    principal: str | None,
    since: datetime | None,
    until: datetime,
    by: str | None,
    as_json: bool,
) -> None:
    """Register a mission, partnership or project; each has an end."""
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.frameworks import add_framework
    from stac_api.access.register.periods import Period

    period = Period(since=beginning(since), until=end(until))
    with open_register(by) as register:
        behind = entity_of(register.connection, principal) if principal else None
        added = add_framework(
            register.connection,
            register.actor,
            FrameworkKind(kind),
            title,
            behind,
            period,
        )
    print_document(added) if as_json else print_line(f"{added.described()}  id {added.id}")


@framework.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended or have not begun.")
@json_option
def list_frameworks(everything: bool, as_json: bool) -> None:
    """List the current frameworks, those that end first on top."""
    from stac_api.access.register.frameworks import frameworks

    with open_register() as register:
        found = frameworks(register.connection, at=None if everything else datetime.now(UTC))
    if as_json:
        print_document(found)
        return
    print_table(
        ("framework", "kind", "principal", "begins", "ends"),
        ((f.title, f.kind, f.principal_name, shown_day(f.begins), shown_last_day(f.ends)) for f in found),
    )


@framework.command("end")
@click.argument("reference", metavar="FRAMEWORK")
@by_option
def end_now(reference: str, by: str | None) -> None:
    """End a framework now, and with it every right that derives from it."""
    from stac_api.access.register.frameworks import end_framework, framework_of

    with open_register(by) as register:
        found = framework_of(register.connection, reference)
        end_framework(register.connection, register.actor, found)
    print_line(f"{found.title} has ended")
