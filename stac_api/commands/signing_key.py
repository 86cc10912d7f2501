"""The commands `signing-key`."""

from __future__ import annotations

import click

from database.commands.opening import ready_database
from database.commands.terminal import json_option, print_json, print_plain, say
from stac_api.commands.moments import shown_moment


@click.group("signing-key")
def signing_key() -> None:
    """Manage the keys that sign addresses and tokens. A catalogue has one from its start.

    \b
      dinamis signing-key rotate             a new key; earlier signatures stay valid until they expire
      dinamis signing-key rotate --revoke    a key has leaked: all earlier signatures become invalid
      dinamis signing-key list
    """  # noqa: D301  # click needs the character, which a raw string lacks


@signing_key.command()
@click.option("--revoke", is_flag=True, help="Refuse everything that earlier keys signed.")
def rotate(revoke: bool) -> None:
    """Create a new key, which signs from now on. Running servers follow within seconds."""
    from stac_api.downloads.signing_keys import rotate_key

    with ready_database().connect("owner") as connection:
        kid = rotate_key(connection, revoke=revoke)
    print_plain(kid)
    say("It signs from now on. " + ("Earlier keys are gone." if revoke else "Earlier keys are honoured for a week."))


@signing_key.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the valid keys, the signing one first; never their secrets."""
    from stac_api.downloads.signing_keys import listed_keys

    with ready_database().connect("owner") as connection:
        found = listed_keys(connection)
    if as_json:
        print_json([vars(each) for each in found])
        return
    for each in found:
        state = f"honoured until {shown_moment(each.honoured_until)}" if each.honoured_until else "signs"
        print_plain(f"{each.kid}  made {shown_moment(each.created_at)}  {state}")
