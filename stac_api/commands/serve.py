"""The command `serve`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from database.commands.opening import ready_database, settings_of
from database.commands.terminal import Failure, say

if TYPE_CHECKING:
    from database import Database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to be reached from other machines.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="TCP port to listen on.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Processes that share the work."
)
@click.option(
    "--public-assets",
    is_flag=True,
    help="Let everybody download the files of all that they can see, whatever the rules say. Only for open data.",
)
def serve(host: str, port: int, workers: int, public_assets: bool) -> None:
    """Serve the catalogue as a STAC API until Ctrl-C.

    Set DINAMIS_API_PUBLIC_URL to the address at which clients reach it, if that is not the one it listens on.

    \b
      dinamis serve
      dinamis serve --host 0.0.0.0 --port 8080 --workers 4
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api import ApiSettings, serve_api

    settings = settings_of(ApiSettings)
    refuse_unusable_address(host, port)
    database = ready_database("api")
    _say_when_everything_is_hidden(database)
    if public_assets:
        settings = settings.model_copy(update={"public_assets": True})
    serve_api(settings, database.conninfo("api"), host=host, port=port, workers=workers)


def _say_when_everything_is_hidden(database: Database) -> None:
    from stac_api.access.rules.store import in_force

    with database.connect("api") as connection:
        if in_force(connection, datetime.now(UTC)) is None:
            say("No rules are in force, so nobody can see anything: activate some with `dinamis rules activate`.")


def refuse_unusable_address(host: str, port: int) -> None:
    """Fail here, with an explanation, rather than in the server.

    Raises:
        Failure: nothing can listen there; the message says why.
    """
    from stac_api import address_problem

    if problem := address_problem(host, port):
        raise Failure(problem)
