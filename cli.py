"""The command line `dinamis`: each command parses, calls one function of a room, prints, and sets the exit code.

Commands import the room they open themselves, so that `dinamis --help` answers at once. Those that harvest are in
`harvester.commands`.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.markup import escape
from rich.table import Column, Table

from harvester.commands.harvest import harvest
from harvester.commands.jobs import schedule, worker
from harvester.commands.rooms import (
    collection_documents,
    database_settings,
    harvest_rooms,
    ready_database,
    settings_of,
)
from harvester.commands.stereo import stereo
from harvester.commands.terminal import OUT, Commands, Failure, json_option, print_json, progress_bar, say

if TYPE_CHECKING:
    from database import DatabaseSettings
    from database.connections import Role


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, and show the traceback of errors.")
@click.version_option(package_name="dinamis-stac")
def main(verbose: bool) -> None:
    """DINAMIS-STAC: harvest very-high-resolution satellite imagery and serve it as a STAC catalogue.

    Without any configuration it keeps a PostgreSQL of its own. A first session:

    \b
      dinamis doctor                                is everything here?
      dinamis harvest deliveries /archive/airbus    read the deliveries in a folder
      dinamis serve                                 serve them on http://127.0.0.1:8000
    """  # noqa: D301  # click wants the character, which a raw string has not
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # It logs whole addresses, in which services want their keys.
    logging.getLogger("httpx").setLevel(logging.WARNING)


for command in (harvest, stereo, worker, schedule):
    main.add_command(command)


# The database


@main.group()
def db() -> None:
    """Run and look after the database.

    By default this is a private PostgreSQL in DINAMIS_HOME. With DINAMIS_DATABASE_URL, PGHOST or PGSERVICE set it is
    that server: then only `status`, `migrate` and `shell` apply.
    """


@db.command()
def start() -> None:
    """Start the private database, making it first if need be, and bring it up to date."""
    ready_database()
    OUT.print(_described_state())


@db.command()
def stop() -> None:
    """Stop the private database; connections are closed, nothing is lost."""
    from database import PrivateCluster

    stopped = PrivateCluster(_embedded_settings().home).stop()
    OUT.print("The private database is stopped." if stopped else "The private database was not running.")


@db.command()
@json_option
def status(as_json: bool) -> None:
    """Say whether the database runs, where, and in what version."""
    from database import database_status

    state = database_status(database_settings())
    print_json(state.as_json()) if as_json else OUT.print(state.described(), highlight=False)
    sys.exit(0 if state.is_ready else 1)


@db.command()
def migrate() -> None:
    """Bring pgSTAC and our own tables up to date. Safe to repeat, and to run twice at once."""
    from database import migrate as migrate_database
    from database import open_database

    report = migrate_database(open_database(database_settings(), on_progress=say))
    OUT.print(report.described(), highlight=False)


@db.command()
@click.option(
    "--role",
    type=click.Choice(["owner", "api", "harvest"]),
    default="owner",
    show_default=True,
    help="Whose rights to have: the owner may do everything, the API only read.",
)
@click.argument("psql_arguments", nargs=-1)
def shell(role: str, psql_arguments: tuple[str, ...]) -> None:
    """Open psql on the database. Arguments after `--` go to psql: `dinamis db shell -- -c 'SELECT 1'`."""
    from database import open_database, open_shell

    database = open_database(database_settings(), on_progress=say)
    sys.exit(open_shell(database, cast("Role", role), psql_arguments))


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(yes: bool) -> None:
    """Stop the private database and delete it with all it holds. There is no way back."""
    from database import PrivateCluster

    home = _embedded_settings().home
    if not yes:
        click.confirm(f"Delete the private database in {home} with all its Items?", abort=True)
    destroyed = PrivateCluster(home).destroy()
    OUT.print(f"The private database in {home} is gone." if destroyed else f"There is no private database in {home}.")


@main.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check programs, extensions, versions, disk and ports, and say what to do about what is amiss."""
    from database import diagnose

    findings = diagnose(database_settings())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        marks = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "error": "[red]✗[/red]"}
        for finding in findings:
            OUT.print(f"{marks[finding.level]} {finding.subject}: {escape(finding.message)}", highlight=False)
            if finding.remedy:
                OUT.print(f"    → {escape(finding.remedy)}", highlight=False, soft_wrap=True)
    sys.exit(1 if any(finding.level == "error" for finding in findings) else 0)


# Collections


@main.group()
def collections() -> None:
    """Work with the collection documents (DINAMIS_COLLECTIONS, the packaged ones by default)."""


@collections.command("list")
@json_option
def list_collections(as_json: bool) -> None:
    """List the collections, what each takes in, and where it comes from."""
    documents = collection_documents()
    if as_json:
        print_json([{"id": d.id, "title": d.title(), "sources": d.sources} for d in documents.values()])
        return
    table = Table(Column("collection", no_wrap=True), "title", "satellites", "sources")
    for document in documents.values():
        table.add_row(document.id, document.title(), " ".join(document.missions), " ".join(document.sources))
    OUT.print(table)


@collections.command()
def path() -> None:
    """Print the folder of the documents in use, to copy and change them."""
    from harvester.settings import HarvestSettings

    click.echo(settings_of(HarvestSettings).collections)


@collections.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def check(directory: Path | None) -> None:
    """Check every collection document and explain each mistake with its file and line.

    Without DIRECTORY those in use are checked. Exit code: 0 without errors, 1 with some.

    \b
      dinamis collections check
      dinamis collections check ./my-collections && export DINAMIS_COLLECTIONS=./my-collections
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.collection_documents import check_collection_documents
    from harvester.settings import HarvestSettings

    folder = directory or settings_of(HarvestSettings).collections
    problems = check_collection_documents(folder)
    for problem in problems:
        OUT.print(str(problem), highlight=False, markup=False, emoji=False, soft_wrap=True)
    errors = sum(problem.is_error for problem in problems)
    OUT.print(f"{folder}: {errors} errors, {len(problems) - errors} warnings", highlight=False)
    sys.exit(1 if errors else 0)


@collections.command()
def load() -> None:
    """Publish the collections in the catalogue. Their Items are never touched; repeating it changes nothing."""
    from harvester.publish import publish_collections

    rooms = harvest_rooms(ready_database("harvest"))
    for collection, changed in publish_collections(rooms.conninfo, rooms.documents, rooms.language).items():
        OUT.print(f"{collection}: {'published' if changed else 'unchanged'}", highlight=False)


# Serve


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to be reached from other machines.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="TCP port to listen on.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Processes that share the work."
)
@click.option(
    "--public-assets", is_flag=True, help="Let everybody download the files of every Item. Only for data that is open."
)
def serve(host: str, port: int, workers: int, public_assets: bool) -> None:
    """Serve the catalogue as a STAC API until Ctrl-C.

    Set DINAMIS_API_PUBLIC_URL to the address under which clients reach it, when that is not the one it listens on.

    \b
      dinamis serve
      dinamis serve --host 0.0.0.0 --port 8080 --workers 4
    """  # noqa: D301  # click wants the character, which a raw string has not
    from stac_api import ApiSettings, serve_api

    settings = settings_of(ApiSettings)
    _refuse_unusable_address(host, port)
    database = ready_database("api")
    if public_assets:
        settings = settings.model_copy(update={"public_assets": True})
    serve_api(settings, database.conninfo("api"), host=host, port=port, workers=workers)


@main.command()
@click.option("--once", is_flag=True, help="Do all but serving, and exit.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="TCP port to listen on.")
def demo(once: bool, port: int) -> None:
    """Write a sample archive of Airbus deliveries, harvest it, and serve it until Ctrl-C.

    The demonstration has a database of its own, so it never mixes with your catalogue. Its images are synthetic.
    Running it again is quick and changes nothing.

    \b
      dinamis demo
      dinamis demo --once
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.commands.accounts import Accounts
    from harvester.commands.harvest_run import harvested
    from harvester.credentials import Credentials
    from harvester.feeds import deliveries_at
    from harvester.runs import Request
    from harvester.sample_archive import write_sample_archive
    from stac_api import ApiSettings, serve_api

    settings = settings_of(ApiSettings).model_copy(update={"public_assets": True})
    if not once:
        _refuse_unusable_address("127.0.0.1", port)
    home = database_settings().home / "demo"
    database = ready_database(own_home=home)
    with progress_bar("Writing the sample archive") as show:
        archive = write_sample_archive(
            home / "sample-archive", on_progress=lambda done, total, at_hand: show(done, total, lambda: at_hand)
        )
    feed = deliveries_at(str(archive.directory), Credentials())
    code = harvested([feed], Request(), Accounts(), database=database)
    if not once:
        OUT.print(_where_to_point(f"http://127.0.0.1:{port}"), highlight=False, soft_wrap=True)
        serve_api(settings, database.conninfo("api"), host="127.0.0.1", port=port, workers=1)
    sys.exit(code)


# What these commands share


def _refuse_unusable_address(host: str, port: int) -> None:
    from stac_api import address_problem

    if problem := address_problem(host, port):
        raise Failure(problem)


def _embedded_settings() -> DatabaseSettings:
    settings = database_settings()
    if settings.is_external:
        raise click.UsageError("the environment names an external server, which this command leaves alone")
    return settings


def _described_state() -> str:
    from database import database_status

    return database_status(database_settings()).described()


def _where_to_point(url: str) -> str:
    return f"""
The sample catalogue is served at {url} until Ctrl-C.

  QGIS           Layer > Add Layer > Add Layer from STAC Catalog… > New: {url}
  browser        {url}/api.html
  pystac-client  python -c "from pystac_client import Client; print(*Client.open('{url}').search(max_items=5).items())"

Its files are open to everybody who can reach it (as with --public-assets): they are synthetic.
"""


if __name__ == "__main__":
    main()
