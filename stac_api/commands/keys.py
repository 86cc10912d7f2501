"""The commands `key`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from database.commands.terminal import json_option, say
from stac_api.access.principal import Scope
from stac_api.commands.register import (
    DAY,
    by_option,
    end,
    open_register,
    print_document,
    print_line,
    print_table,
    shown_day,
    shown_last_day,
)

LIFE_DAYS = 180


@click.group()
def key() -> None:
    """Manage API keys, which programs send in place of a login. People create their own on the web.

    With a key a program has the rights of its person, within the scopes of the key.

    \b
      dinamis key create ada.martin@example.org --label "QGIS on my laptop"
      dinamis key list ada.martin@example.org
      dinamis key revoke 3f2a9c0d1e4b
    """  # noqa: D301  # click needs the character, which a raw string lacks


@key.command()
@click.argument("reference", metavar="USER")
@click.option("--label", default="", help="Where it is used, to know it by later.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([each.value for each in Scope]),
    default=[Scope.READ.value, Scope.DOWNLOAD.value],
    show_default=True,
    help="What it may be used for; repeat it for several. `account` is to read and change one's own account.",
)
@click.option("--until", type=DAY, help=f"Until the end of this day, UTC. [default: {LIFE_DAYS} days from now]")
@by_option
@json_option
def create(
    reference: str, label: str, scopes: tuple[str, ...], until: datetime | None, by: str | None, as_json: bool
) -> None:
    """Create a key for a person. Its secret is shown now and never again: it is not stored."""
    from stac_api.access.credentials.key_store import create_key
    from stac_api.access.register.people import person_of

    expires_at = end(until) or datetime.now(UTC) + timedelta(days=LIFE_DAYS)
    with open_register(by) as register:
        person = person_of(register.connection, reference)
        made = create_key(
            register.connection,
            register.actor,
            person,
            scopes=map(Scope, scopes),
            label=label,
            expires_at=expires_at,
        )
    if as_json:
        print_document({"id": made.id, "secret": made.secret, "key": str(made), "expires_at": expires_at})
        return
    print_line(str(made))
    say("For X-API-Key. With HTTP Basic the middle part is the user, the last one the password.")
    say("It is not shown again.")


@key.command("list")
@click.argument("reference", metavar="USER", required=False)
@click.option("--all", "everything", is_flag=True, help="Those too that have expired or were revoked.")
@json_option
def list_keys(reference: str | None, everything: bool, as_json: bool) -> None:
    """List the keys, of one person or of all, the latest first."""
    from stac_api.access.credentials.key_store import keys
    from stac_api.access.register.people import person_of

    with open_register() as register:
        person = person_of(register.connection, reference).id if reference else None
        found = keys(register.connection, person=person, only_live=not everything)
    if as_json:
        print_document(found)
        return
    print_table(
        ("key", "person", "label", "scopes", "until", "last used", "revoked"),
        (
            (
                k.id,
                k.person_name,
                k.label,
                " ".join(k.scopes),
                shown_last_day(k.expires_at),
                shown_day(k.last_used_at),
                shown_day(k.revoked_at),
            )
            for k in found
        ),
        whole=("key", "until", "last used", "revoked"),
    )


@key.command()
@click.argument("written", metavar="KEY")
@by_option
def revoke(written: str, by: str | None) -> None:
    """Revoke a key for good, from the next request on. Its id is enough."""
    from stac_api.access.credentials.key_store import revoke_key

    with open_register(by) as register:
        id_ = revoke_key(register.connection, register.actor, written)
    print_line(f"{id_} is revoked")
