"""The commands `entity`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from database.commands.terminal import json_option
from stac_api.access.register.categories import EntityKind, EntityState
from stac_api.commands.register import by_option, open_register, print_document, print_line, print_table, shown_day

if TYPE_CHECKING:
    from stac_api.access.register.entities import Entity, Step
    from stac_api.access.register.memberships import Application


def _country(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    letters = value.strip().upper()
    if len(letters) != 2 or not letters.isascii() or not letters.isalpha():
        raise click.BadParameter("give the two letters of ISO 3166-1, such as FR (overseas France too) or BE")
    return letters


@click.group()
def entity() -> None:
    """Manage entities: laboratories, authorities and firms. They have joined, or apply to.

    An entity applies on the web, or you add it. After an application: `approve` when its papers are in order,
    `activate` when its legal representative has signed the charter. ENTITY is a name or an id everywhere.

    \b
      dinamis entity list --state applied
      dinamis entity approve "Université de Montpellier"
      dinamis entity activate "Université de Montpellier" --charter 2025
    """  # noqa: D301  # click needs the character, which a raw string lacks


@entity.command()
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice([each.value for each in EntityKind]), help="What it is.")
@click.option(
    "--country", default="FR", show_default=True, callback=_country, metavar="CC", help="Where, by ISO 3166-1."
)
@click.option("--charter", metavar="VERSION", help="The version of the charter that it signed.")
@click.option("--representative", metavar="NAME", help="Its legal representative.")
@click.option("--representative-email", metavar="ADDRESS", help="The address of the legal representative.")
@click.option("--relay-partner", is_flag=True, help="It is a relay partner.")
@by_option
@json_option
def add(  # noqa: PLR0913, PLR0917 -- an argument for each that may be typed
    name: str,
    kind: str,
    country: str,
    charter: str | None,
    representative: str | None,
    representative_email: str | None,
    relay_partner: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Register an entity whose papers are in order. It is active at once.

    \b
      dinamis entity add "INRAE" --kind science
      dinamis entity add "Ville de Sète" --kind public --charter 2025 --representative "Jeanne Martin"
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.register.entities import NewEntity, add_entity

    new = NewEntity(
        name=name.strip(),
        kind=EntityKind(kind),
        country=country,
        charter_version=charter,
        is_relay_partner=relay_partner,
        legal_representative=representative,
        legal_representative_email=representative_email,
    )
    with open_register(by) as register:
        added = add_entity(register.connection, register.actor, new)
    _print_change(added, as_json)


@entity.command()
@click.argument("reference", metavar="ENTITY")
@click.option("--name", help="Another name.")
@click.option("--kind", type=click.Choice([each.value for each in EntityKind]), help="What it is.")
@click.option("--country", callback=_country, metavar="CC", help="Where, by ISO 3166-1.")
@click.option("--charter", metavar="VERSION", help="The version of the charter that it signed.")
@click.option("--representative", metavar="NAME", help="Its legal representative.")
@click.option("--representative-email", metavar="ADDRESS", help="The address of the legal representative.")
@click.option("--relay-partner/--no-relay-partner", default=None, help="Whether it is a relay partner.")
@by_option
@json_option
def edit(  # noqa: PLR0913, PLR0917 -- an argument for each that may be typed
    reference: str,
    name: str | None,
    kind: str | None,
    country: str | None,
    charter: str | None,
    representative: str | None,
    representative_email: str | None,
    relay_partner: bool | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Change the data of an entity. What is not given stays, and so do the rights of its people."""
    from stac_api.access.register.entities import EntityFacts, edit_entity, entity_of

    facts = EntityFacts(
        name=name.strip() if name else None,
        kind=EntityKind(kind) if kind else None,
        country=country,
        charter_version=charter,
        is_relay_partner=relay_partner,
        legal_representative=representative,
        legal_representative_email=representative_email,
    )
    with open_register(by) as register:
        found = entity_of(register.connection, reference)
        edited = edit_entity(register.connection, register.actor, found, facts)
    _print_change(edited, as_json)


@entity.command("list")
@click.option("--state", type=click.Choice([each.value for each in EntityState]), help="Only those in this state.")
@click.option("--kind", type=click.Choice([each.value for each in EntityKind]), help="Only those of this kind.")
@click.option("--name", "text", metavar="TEXT", help="Only those with this in their name.")
@json_option
def list_entities(state: str | None, kind: str | None, text: str | None, as_json: bool) -> None:
    """List the entities, sorted by name."""
    from stac_api.access.register.entities import entities

    with open_register() as register:
        found = entities(register.connection, state=state, kind=kind, text=text)
    if as_json:
        print_document(found)
        return
    print_table(
        ("entity", "kind", "country", "state", "charter", "joined"),
        ((e.name, e.kind, e.country, e.state, e.charter_version, shown_day(e.joined_at)) for e in found),
    )


@entity.command()
@click.argument("reference", metavar="ENTITY")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show an entity with its people and their applications."""
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.memberships import places_in

    with open_register() as register:
        found = entity_of(register.connection, reference)
        places = places_in(register.connection, found.id)
    if as_json:
        print_document({"entity": found, "people": places})
        return
    _print_entity(found, places)


def _print_entity(found: Entity, places: list[Application]) -> None:
    print_line(found.described())
    print_line(f"id {found.id}")
    if found.charter_version:
        print_line(f"charter {found.charter_version}")
    if found.legal_representative:
        print_line(f"legal representative {found.legal_representative} {found.legal_representative_email or ''}")
    if found.is_relay_partner:
        print_line("relay partner")
    print_table(
        ("person", "address", "role", "place", "asks for", "since"),
        ((p.person_name, p.email, p.role, p.state, p.category, shown_day(p.applied_at)) for p in places),
    )


@entity.command()
@click.argument("reference", metavar="ENTITY")
@by_option
@json_option
def approve(reference: str, by: str | None, as_json: bool) -> None:
    """Note that the papers of an applicant are in order. The entity then waits for its charter."""
    from stac_api.access.register.entities import Step

    _take(Step.APPROVE, reference, by, as_json)


@entity.command()
@click.argument("reference", metavar="ENTITY")
@click.option("--charter", metavar="VERSION", help="The version of the charter that it signed.")
@by_option
@json_option
def activate(reference: str, charter: str | None, by: str | None, as_json: bool) -> None:
    """Make an entity a member. It was approved, was suspended, or comes back.

    Those who applied to be its référents are confirmed with it. After it has left and come back, its people must join
    again.
    """
    from stac_api.access.register.entities import Step

    _take(Step.ACTIVATE, reference, by, as_json, charter_version=charter)


@entity.command()
@click.argument("reference", metavar="ENTITY")
@click.option("--reason", required=True, help="Why, for the trail.")
@by_option
@json_option
def suspend(reference: str, reason: str, by: str | None, as_json: bool) -> None:
    """Suspend an entity. Its people have no rights through it until it is activated again."""
    from stac_api.access.register.entities import Step

    _take(Step.SUSPEND, reference, by, as_json, reason=reason)


@entity.command()
@click.argument("reference", metavar="ENTITY")
@click.option("--reason", help="Why, for the trail.")
@by_option
@json_option
def leave(reference: str, reason: str | None, by: str | None, as_json: bool) -> None:
    """Note that an entity has left. Everything that its people had in it ends."""
    from stac_api.access.register.entities import Step

    _take(Step.LEAVE, reference, by, as_json, reason=reason)


@entity.command()
@click.argument("reference", metavar="ENTITY")
@click.option("--reason", required=True, help="Why, for the trail.")
@by_option
@json_option
def refuse(reference: str, reason: str, by: str | None, as_json: bool) -> None:
    """Refuse an entity that applied."""
    from stac_api.access.register.entities import Step

    _take(Step.REFUSE, reference, by, as_json, reason=reason)


def _take(step: Step, reference: str, by: str | None, as_json: bool, **detail: str | None) -> None:
    from stac_api.access.register.entities import entity_of, take_step

    with open_register(by) as register:
        found = entity_of(register.connection, reference)
        changed = take_step(register.connection, register.actor, found, step, **detail)
    _print_change(changed, as_json)


def _print_change(changed: Entity, as_json: bool) -> None:
    print_document(changed) if as_json else print_line(f"{changed.described()}  id {changed.id}")
