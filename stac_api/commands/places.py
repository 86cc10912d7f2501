"""The commands of `user` on places in entities: memberships, applications and categories."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import click

from database.commands.terminal import json_option
from stac_api.access.policy import Category
from stac_api.access.register.categories import Role
from stac_api.commands.register import (
    DAY,
    Register,
    beginning,
    by_option,
    end,
    open_register,
    print_document,
    print_line,
    shown_day,
)

if TYPE_CHECKING:
    from stac_api.access.register.memberships import Application, Grant

CATEGORIES = click.Choice([each.value for each in Category if each is not Category.PUBLIC])
ROLES = click.Choice([each.value for each in Role])

since_option = click.option("--since", type=DAY, help="From the beginning of this day on, UTC. [default: now]")
until_option = click.option("--until", type=DAY, help="Until the end of this day, UTC. [default: until further notice]")
framework_option = click.option(
    "--framework", metavar="FRAMEWORK", help="The mission or partnership that it derives from: its title or id."
)


@click.command()
@click.argument("reference", metavar="USER")
@click.argument("entity_reference", metavar="ENTITY")
@click.option("--role", type=ROLES, default="user", show_default=True, help="A référent validates the others.")
@since_option
@until_option
@by_option
def join(
    reference: str,
    entity_reference: str,
    role: str,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
) -> None:
    """Make a person a member of an entity without an application."""
    from stac_api.access.register import memberships
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.people import person_of
    from stac_api.access.register.periods import Period

    period = Period(since=beginning(since), until=end(until))
    with open_register(by) as register:
        person, entity = person_of(register.connection, reference), entity_of(register.connection, entity_reference)
        memberships.join(register.connection, register.actor, person.id, entity.id, Role(role), period=period)
    print_line(f"{person.described()} is a member of {entity.name}, as {role}")


@click.command()
@click.argument("reference", metavar="USER")
@click.argument("entity_reference", metavar="ENTITY")
@click.option("--role", type=ROLES, help="Only in this role. [default: in all, and every category ends with it]")
@by_option
def leave(reference: str, entity_reference: str, role: str | None, by: str | None) -> None:
    """End a person's membership of an entity."""
    from stac_api.access.register import memberships
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.people import person_of

    with open_register(by) as register:
        person, entity = person_of(register.connection, reference), entity_of(register.connection, entity_reference)
        left = Role(role) if role else None
        memberships.leave(register.connection, register.actor, person.id, entity.id, left)
    print_line(f"{person.described()} is no member of {entity.name} any more{f', as {role}' if role else ''}")


@click.command()
@click.argument("reference", metavar="USER")
@click.argument("category", type=CATEGORIES)
@click.option("--entity", "entity_reference", metavar="ENTITY", required=True, help="In which entity.")
@framework_option
@since_option
@until_option
@by_option
def grant(
    reference: str,
    category: str,
    entity_reference: str,
    framework: str | None,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
) -> None:
    """Grant a category to a member of an entity.

    Contractors (PRIV_PSP_FR) need a mission, foreign scientists (SCI_INTL) a partnership: their rights derive from it
    and end with it.

    \b
      dinamis user grant ada.martin@example.org SCI_FR --entity INRAE
      dinamis user grant bob@firm.example PRIV_PSP_FR --entity Firm --framework "Trait de côte 2026"
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.register import memberships
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.people import person_of
    from stac_api.access.register.periods import Period

    period = Period(since=beginning(since), until=end(until))
    with open_register(by) as register:
        person, entity = person_of(register.connection, reference), entity_of(register.connection, entity_reference)
        wanted = _grant(register, entity.kind, entity.country, category, framework)
        assert wanted is not None  # noqa: S101 - a category is named
        memberships.grant_category(register.connection, register.actor, person.id, entity.id, wanted, period=period)
    print_line(f"{person.described()} acts as {category} in {entity.name}")


def _grant(register: Register, kind: str, country: str, category: str | None, framework: str | None) -> Grant | None:
    from stac_api.access.register.frameworks import framework_of
    from stac_api.access.register.memberships import grant_for

    frame = framework_of(register.connection, framework) if framework else None
    return grant_for(
        kind,
        country,
        Category(category) if category else None,
        frame.id if frame else None,
        frame.kind if frame else None,
    )


@click.command()
@click.argument("reference", metavar="USER")
@click.argument("category", type=CATEGORIES, required=False)
@click.option("--entity", "entity_reference", metavar="ENTITY", required=True, help="In which entity.")
@by_option
def revoke(reference: str, category: str | None, entity_reference: str, by: str | None) -> None:
    """Revoke one category of a person in an entity, or all. The membership stays."""
    from stac_api.access.register import memberships
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.people import person_of

    with open_register(by) as register:
        person, entity = person_of(register.connection, reference), entity_of(register.connection, entity_reference)
        which = Category(category) if category else None
        taken = memberships.revoke_category(register.connection, register.actor, person.id, entity.id, which)
    print_line(f"{taken} taken from {person.described()} in {entity.name}")


@click.command("applications")
@click.option("--entity", "entity_reference", metavar="ENTITY", help="Only for this one.")
@json_option
def list_applications(entity_reference: str | None, as_json: bool) -> None:
    """List the open applications. `applied` waits for a référent, `validated` for you."""
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.memberships import applications

    with open_register() as register:
        entity = entity_of(register.connection, entity_reference).id if entity_reference else None
        found = applications(register.connection, entity=entity)
    if as_json:
        print_document(found)
        return
    for application in found:
        _print_application(application)


def _print_application(application: Application) -> None:
    print_line(f"{application.id}  {application.state}, since {shown_day(application.applied_at)}")
    who = f"{application.person_name or '(no name)'} <{application.email or 'no address'}>"
    category = f", asks for {application.category}" if application.category else ""
    print_line(f"  {who} to {application.entity_name} as {application.role}{category}")
    if application.purpose:
        # The applicant's line breaks must not look like our output.
        print_line(f"  “{' '.join(application.purpose.split())}”")


@click.command()
@click.argument("application", type=click.UUID)
@click.option(
    "--category", type=CATEGORIES, help="What to grant. [default: what is asked for, or usual for the entity]"
)
@framework_option
@by_option
def confirm(application: UUID, category: str | None, framework: str | None, by: str | None) -> None:
    """Make an applicant a member, and grant a category. A référent has validated them before."""
    from stac_api.access.register import memberships

    with open_register(by) as register:
        found = memberships.application_of(register.connection, application)
        wanted = _grant(register, found.entity_kind, found.entity_country, category or found.category, framework)
        memberships.confirm(register.connection, register.actor, found, wanted)
    granted = f", as {wanted.category}" if wanted else "; `dinamis user grant` gives a category"
    print_line(f"{found.person_name} is a member of {found.entity_name}{granted}")


@click.command()
@click.argument("application", type=click.UUID)
@click.option("--reason", required=True, help="Why; the applicant reads it.")
@by_option
def refuse(application: UUID, reason: str, by: str | None) -> None:
    """Refuse an application."""
    from stac_api.access.register import memberships

    with open_register(by) as register:
        found = memberships.application_of(register.connection, application)
        memberships.refuse(register.connection, register.actor, found, reason)
    print_line(f"The application of {found.person_name} to {found.entity_name} is refused")


PLACE_COMMANDS = (join, leave, grant, revoke, list_applications, confirm, refuse)
