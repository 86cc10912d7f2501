"""The commands `user`, on accounts; those on their places in entities are in `places`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from database.commands.terminal import confirm, json_option
from stac_api.commands.places import PLACE_COMMANDS
from stac_api.commands.register import (
    by_option,
    open_register,
    print_document,
    print_line,
    print_table,
    shown_day,
    shown_last_day,
)

if TYPE_CHECKING:
    from stac_api.access.register.people import Person


@click.group()
def user() -> None:
    """Manage people: accounts, places in entities, categories.

    People apply on the web, their référent validates them, and you confirm them; or you register them yourself.
    USER is a name, an e-mail address or an id everywhere.

    \b
      dinamis user applications
      dinamis user confirm 0b7e… --category SCI_FR
      dinamis user add "Ada Martin" ada.martin@example.org
      dinamis user join ada.martin@example.org INRAE
      dinamis user grant ada.martin@example.org SCI_FR --entity INRAE
    """  # noqa: D301  # click needs the character, which a raw string lacks


for _command in PLACE_COMMANDS:
    user.add_command(_command)


@user.command()
@click.argument("name")
@click.argument("email")
@click.option("--issuer", metavar="URL", help="The provider with whom the person logs in; with --subject.")
@click.option("--subject", metavar="ID", help="How the provider names the person: the claim `sub`.")
@by_option
@json_option
def add(name: str, email: str, issuer: str | None, subject: str | None, by: str | None, as_json: bool) -> None:
    """Register a person.

    Without a login, or until `dinamis user login` gives one, the person can use API keys only.
    """
    from stac_api.access.register.people import add_person

    if (issuer is None) != (subject is None):
        raise click.UsageError("--issuer and --subject belong together")
    with open_register(by) as register:
        added = add_person(register.connection, register.actor, name, email, issuer=issuer, subject=subject)
    print_document(added) if as_json else print_line(f"{added.described()}  id {added.id}")


@user.command("list")
@click.option(
    "--state", type=click.Choice(["applied", "active", "suspended", "erased"]), help="Only those in this state."
)
@click.option("--entity", "reference", metavar="ENTITY", help="Only its members.")
@click.option("--operators", is_flag=True, help="Only operators.")
@json_option
def list_people(state: str | None, reference: str | None, operators: bool, as_json: bool) -> None:
    """List the people, sorted by name."""
    from stac_api.access.register.entities import entity_of
    from stac_api.access.register.people import people

    with open_register() as register:
        entity = entity_of(register.connection, reference).id if reference else None
        found = people(register.connection, state=state, entity=entity, operators=operators)
    if as_json:
        print_document(found)
        return
    rows = ((p.name, p.email, p.state, "operator" if p.is_operator else "", shown_day(p.created_at)) for p in found)
    print_table(("person", "address", "state", "", "since"), rows)


@user.command()
@click.argument("reference", metavar="USER")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show a person: login, places in entities, categories, keys. It says which of the categories count."""
    from stac_api.access.credentials.key_store import keys
    from stac_api.access.register.memberships import applications
    from stac_api.access.register.people import capacities_of, person_of

    with open_register() as register:
        person = person_of(register.connection, reference)
        document = {
            "person": person,
            "places": applications(register.connection, person=person.id, only_open=False),
            "capacities": capacities_of(register.connection, person.id),
            "keys": keys(register.connection, person=person.id),
        }
    print_document(document) if as_json else _print_person(document)


def _print_person(document: dict[str, Any]) -> None:
    person: Person = document["person"]
    print_line(f"{person.described()}{', operator' if person.is_operator else ''}")
    print_line(f"id {person.id}")
    print_line(f"login {person.subject} at {person.issuer}" if person.issuer else "no login")
    print_table(
        ("entity", "role", "place", "since", "until"),
        ((p.entity_name, p.role, p.state, shown_day(p.begins), shown_last_day(p.ends)) for p in document["places"]),
    )
    print_table(
        ("category", "entity", "framework", "standing"),
        ((c.category, c.entity_name, c.framework_title, c.standing) for c in document["capacities"]),
    )
    print_table(
        ("key", "label", "scopes", "until"),
        ((k.id, k.label, " ".join(k.scopes), shown_last_day(k.expires_at)) for k in document["keys"]),
        whole=("key", "until"),
    )


@user.command()
@click.argument("reference", metavar="USER")
@click.option("--name", help="Another name.")
@click.option("--email", metavar="ADDRESS", help="Another address.")
@by_option
def edit(reference: str, name: str | None, email: str | None, by: str | None) -> None:
    """Correct the name or the address of a person."""
    from stac_api.access.register.people import edit_person, person_of

    with open_register(by) as register:
        person = person_of(register.connection, reference)
        edit_person(register.connection, register.actor, person, name=name, email=email)
        edited = person_of(register.connection, str(person.id))
    print_line(edited.described())


@user.command()
@click.argument("reference", metavar="USER")
@click.option("--issuer", metavar="URL", required=True, help="The provider with whom the person logs in.")
@click.option("--subject", metavar="ID", required=True, help="How the provider names the person: the claim `sub`.")
@by_option
def login(reference: str, issuer: str, subject: str, by: str | None) -> None:
    """Let a person log in with this account of a provider alone.

    Nobody is ever identified by an e-mail address: this is how an account that you registered gets its login.
    """
    from stac_api.access.register.people import person_of, set_login

    with open_register(by) as register:
        person = person_of(register.connection, reference)
        set_login(register.connection, register.actor, person, issuer, subject)
    print_line(f"{person.described()} logs in as {subject} at {issuer}")


@user.command()
@click.argument("reference", metavar="USER")
@click.option("--reason", required=True, help="Why, for the trail.")
@by_option
def suspend(reference: str, reason: str, by: str | None) -> None:
    """Suspend a person. No right and no key counts from the next request on, until `dinamis user activate`."""
    from stac_api.access.register.people import person_of, set_state

    with open_register(by) as register:
        person = person_of(register.connection, reference)
        set_state(register.connection, register.actor, person, "suspended", reason)
    print_line(f"{person.described()} is suspended now")


@user.command()
@click.argument("reference", metavar="USER")
@by_option
def activate(reference: str, by: str | None) -> None:
    """End the suspension of a person. All rights and keys count again."""
    from stac_api.access.register.people import person_of, set_state

    with open_register(by) as register:
        person = person_of(register.connection, reference)
        set_state(register.connection, register.actor, person, "active")
    print_line(f"{person.described()} is active now")


@user.command()
@click.argument("reference", metavar="USER")
@click.option("--yes", is_flag=True, help="Do not ask.")
@by_option
def erase(reference: str, yes: bool, by: str | None) -> None:
    """Erase the data of a person; this cannot be undone. All rights, places and keys end.

    Name, address and login go; downloads and signatures stay, under a pseudonym that leads to nobody.
    """
    from stac_api.access.register.people import erase as erase_person
    from stac_api.access.register.people import person_of

    with open_register(by) as register:
        person = person_of(register.connection, reference)
        if not yes:
            confirm(f"Erase {person.described()}?")
        erase_person(register.connection, register.actor, person)
    print_line(f"{person.id} is erased")


@user.command()
@click.argument("reference", metavar="USER")
@click.option("--off", is_flag=True, help="Take the role away.")
@by_option
def operator(reference: str, off: bool, by: str | None) -> None:
    """Make a person an operator. An operator sees every collection and confirms the applications of others."""
    from stac_api.access.register.people import person_of, set_operator

    with open_register(by) as register:
        person = person_of(register.connection, reference)
        set_operator(register.connection, register.actor, person, is_operator=not off)
    print_line(f"{person.described()} is {'no operator any more' if off else 'an operator'}")
