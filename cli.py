"""The command line `dinamis`: each command parses, calls one function of a room, prints, and sets the exit code.

Commands import the room they open themselves, so that `dinamis --help` answers at once.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from database import Database, DatabaseSettings
    from database.connections import Role
    from harvester.harvest import HarvestRooms
    from harvester.report import HarvestReport
    from harvester.sources.deliveries import WalkCount

Settings = TypeVar("Settings", bound="BaseSettings")

OUT = Console()
ERR = Console(stderr=True)

FAILED = 2  #: exit code of a command that could not do its work; 1 says that it did, and found something amiss
INTERRUPTED = 130  #: exit code after Ctrl-C, as shells have it
INTERRUPTION = "interrupted"  #: what `--report` gives as the error then


class Failure(click.ClickException):
    """The command cannot do its work; the message says what to do."""

    exit_code = FAILED


class Commands(click.Group):
    """A group whose commands end on a foreseen error with its message and exit code 2, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from database import DatabaseError
        from harvester.errors import HarvestError

        try:
            return super().invoke(ctx)
        except (DatabaseError, HarvestError) as error:
            if ctx.find_root().params.get("verbose"):
                raise
            ERR.print(f"[red]Error:[/red] {_escaped(str(error))}", highlight=False, soft_wrap=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            ERR.print("Interrupted.")
            sys.exit(INTERRUPTED)


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
    _ready_database()
    OUT.print(_described_state())


@db.command()
def stop() -> None:
    """Stop the private database; connections are closed, nothing is lost."""
    from database import PrivateCluster

    stopped = PrivateCluster(_embedded_settings().home).stop()
    OUT.print("The private database is stopped." if stopped else "The private database was not running.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Say whether the database runs, where, and in what version."""
    from database import database_status

    state = database_status(_database_settings())
    OUT.print_json(json.dumps(state.as_json())) if as_json else OUT.print(state.described(), highlight=False)
    sys.exit(0 if state.is_ready else 1)


@db.command()
def migrate() -> None:
    """Bring pgSTAC and our own tables up to date. Safe to repeat, and to run twice at once."""
    from database import migrate as migrate_database
    from database import open_database

    report = migrate_database(open_database(_database_settings(), on_progress=_say))
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

    database = open_database(_database_settings(), on_progress=_say)
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Check programs, extensions, versions, disk and ports, and say what to do about what is amiss."""
    from database import diagnose

    findings = diagnose(_database_settings())
    if as_json:
        OUT.print_json(json.dumps([finding.as_json() for finding in findings]))
    else:
        marks = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "error": "[red]✗[/red]"}
        for finding in findings:
            OUT.print(f"{marks[finding.level]} {finding.subject}: {_escaped(finding.message)}", highlight=False)
            if finding.remedy:
                OUT.print(f"    → {_escaped(finding.remedy)}", highlight=False, soft_wrap=True)
    sys.exit(1 if any(finding.level == "error" for finding in findings) else 0)


# Collections


@main.group()
def collections() -> None:
    """Work with the collection documents (DINAMIS_COLLECTIONS, the packaged ones by default)."""


@collections.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_collections(as_json: bool) -> None:
    """List the collections, what each takes in, and where it comes from."""
    documents = _collection_documents()
    if as_json:
        OUT.print_json(json.dumps([{"id": d.id, "title": d.title(), "sources": d.sources} for d in documents.values()]))
        return
    table = Table(Column("collection", no_wrap=True), "title", "satellites", "sources")
    for document in documents.values():
        table.add_row(document.id, document.title(), " ".join(document.missions), " ".join(document.sources))
    OUT.print(table)


@collections.command()
def path() -> None:
    """Print the folder of the documents in use, to copy and change them."""
    from harvester.settings import HarvestSettings

    click.echo(_settings(HarvestSettings).collections)


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

    folder = directory or _settings(HarvestSettings).collections
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

    rooms = _harvest_rooms(_ready_database("harvest"))
    for collection, changed in publish_collections(rooms.conninfo, rooms.documents, rooms.language).items():
        OUT.print(f"{collection}: {'published' if changed else 'unchanged'}", highlight=False)


# Harvest


@main.group()
def harvest() -> None:
    """Bring the metadata of a source into the catalogue."""


def _known_collection(_ctx: click.Context, _param: click.Parameter, collection: str | None) -> str | None:
    if collection is not None and collection not in (documents := _collection_documents()):
        raise Failure(f"there is no collection {collection!r}; there are {', '.join(documents)}.")
    return collection


def _writable_report(_ctx: click.Context, _param: click.Parameter, report: Path | None) -> Path | None:
    if report is not None and not report.parent.is_dir():
        raise Failure(f"the report cannot be written: make the folder {report.parent} first.")
    return report


def _harvest_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--report",
            type=click.Path(dir_okay=False, writable=True, path_type=Path),
            callback=_writable_report,
            help="Write the account as JSON here.",
        ),
        click.option("--limit", type=click.IntRange(min=1), help="Stop after so many records."),
        click.option(
            "--reread",
            is_flag=True,
            help="Read unchanged records again too, after a sensor document or the program changed.",
        ),
        click.option("--dry-run", is_flag=True, help="Read and compare everything, write nothing."),
        click.option("--move", is_flag=True, help="With --collection: move Items that are in another collection."),
        click.option(
            "--collection",
            metavar="ID",
            callback=_known_collection,
            help="Put every record in this collection; remembered.",
        ),
    ):
        command = option(command)
    return command


@harvest.command()
@click.argument("location", metavar="PATH_OR_URL")
@_harvest_options
def deliveries(
    location: str,
    collection: str | None,
    move: bool,
    dry_run: bool,
    reread: bool,
    limit: int | None,
    report: Path | None,
) -> None:
    """Harvest the Airbus deliveries (DIMAP) below a folder, an archive file or a URL.

    Deliveries are found wherever they lie, also inside zip and tar files, and told apart by what their metadata say,
    never by their names. Files are read where they are; nothing is copied. Running it again changes nothing.

    \b
      dinamis harvest deliveries /archive/airbus
      dinamis harvest deliveries ftp://user@host/out --dry-run      (the password in DINAMIS_SOURCE_PASSWORD)
      dinamis harvest deliveries s3://bucket/prefix --report run.json

    Exit code: 0 all records are in the catalogue (also when none was found), 1 some were refused (each with its
    reason), 2 the harvest failed, 130 it was stopped with Ctrl-C. Whatever ends it, what was written is kept, --report
    is written, and harvesting again does the rest.
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.harvest import HarvestOptions
    from harvester.settings import HarvestSettings
    from harvester.sources.deliveries import DeliveriesOptions, with_password

    options = HarvestOptions(collection=collection, move=move, dry_run=dry_run, limit=limit, reread=reread)
    if password := _settings(HarvestSettings).source_password:
        location = with_password(location, password.get_secret_value())
    database = _ready_database("harvest")
    account = _run_harvest("deliveries", DeliveriesOptions(location=location), options, database, report)
    sys.exit(account.exit_code)


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

    settings = _settings(ApiSettings)
    _refuse_unusable_address(host, port)
    database = _ready_database("api")
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
    from harvester.harvest import HarvestOptions
    from harvester.sample_archive import write_sample_archive
    from harvester.sources.deliveries import DeliveriesOptions
    from stac_api import ApiSettings, serve_api

    settings = _settings(ApiSettings).model_copy(update={"public_assets": True})
    if not once:
        _refuse_unusable_address("127.0.0.1", port)
    home = _database_settings().home / "demo"
    database = _ready_database(own_home=home)
    with _progress("Writing the sample archive") as on_progress:
        archive = write_sample_archive(home / "sample-archive", on_progress=on_progress)
    options = DeliveriesOptions(location=str(archive.directory))
    account = _run_harvest("deliveries", options, HarvestOptions(), database)
    if not once:
        OUT.print(_where_to_point(f"http://127.0.0.1:{port}"), highlight=False, soft_wrap=True)
        serve_api(settings, database.conninfo("api"), host="127.0.0.1", port=port, workers=1)
    sys.exit(account.exit_code)


# What the commands share


def _settings(kind: type[Settings]) -> Settings:
    """The settings of one program, from the environment."""
    from pydantic import ValidationError

    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        raise Failure(
            "; ".join(
                f"{prefix}{str(problem['loc'][-1]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
                for problem in error.errors()
            )
        ) from error


def _refuse_unusable_address(host: str, port: int) -> None:
    from stac_api import address_problem

    if problem := address_problem(host, port):
        raise Failure(problem)


def _database_settings() -> DatabaseSettings:
    from database import DatabaseSettings

    return _settings(DatabaseSettings)


def _embedded_settings() -> DatabaseSettings:
    settings = _database_settings()
    if settings.is_external:
        raise click.UsageError("the environment names an external server, which this command leaves alone")
    return settings


def _ready_database(role: Role = "owner", *, own_home: Path | None = None) -> Database:
    """The database, started and up to date for a role; with `own_home` a private one there, whatever is set."""
    from database import ensure_migrated, open_database

    settings = _database_settings()
    if own_home:
        settings = settings.embedded_in(own_home)
    database = open_database(settings, on_progress=_say)
    ensure_migrated(database, role)
    return database


def _described_state() -> str:
    from database import database_status

    return database_status(_database_settings()).described()


def _collection_documents() -> Any:
    from harvester.collection_documents import load_collection_documents
    from harvester.settings import HarvestSettings

    return load_collection_documents(_settings(HarvestSettings).collections)


def _harvest_rooms(database: Database) -> HarvestRooms:
    from harvester.harvest import HarvestRooms
    from harvester.sensors import load_sensors
    from harvester.settings import HarvestSettings

    settings = _settings(HarvestSettings)
    return HarvestRooms(
        conninfo=database.conninfo("harvest"),
        documents=_collection_documents(),
        sensors=load_sensors(settings.collections / "sensors"),
        language=settings.language,
    )


def _run_harvest(
    source: str, source_options: Any, options: Any, database: Database, report_file: Path | None = None
) -> HarvestReport:
    """Harvest, and print and write the account also of a run that fails or is interrupted."""
    from harvester.harvest import harvest as run_harvest

    reports: list[HarvestReport] = []  # the last one stands for the run, however it ends

    def on_page(report: HarvestReport) -> None:
        reports[:] = [report]
        if report.read and not ERR.is_terminal:
            _print_page(report)

    rooms = _harvest_rooms(database)
    error: str | None = None
    try:
        with _progress("Harvesting") as on_progress:
            run_harvest(source, source_options, rooms, options, on_page, lambda count: on_progress(*_walked(count)))
    except BaseException as failure:
        error = INTERRUPTION if isinstance(failure, KeyboardInterrupt) else str(failure)
        raise
    finally:
        for report in reports:
            _print_report(report, error)
            _write_report(report, error, report_file)
    return reports[0]


def _walked(count: WalkCount) -> tuple[int, None, str]:
    """What a walk has seen, as a progress bar shows it."""
    records = count.products + count.refused
    files = records + sum(count.passed_over().values())
    return records, None, f"{files} files seen, {records} records read"


def _write_report(report: HarvestReport, error: str | None, file: Path | None) -> None:
    if file:
        account = {**report.as_json(), "error": error}
        file.write_text(json.dumps(account, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _print_page(report: HarvestReport) -> None:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(report.outcomes.items()) if count)
    ERR.print(f"{report.read} records read: {counts}", highlight=False)


class _Rate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        """The rate over the last seconds, once there is one."""
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """A progress bar on a terminal: steps done, steps in all if known, and what is at hand; nothing elsewhere."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Rate(), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def on_progress(done: int, total: int | None, at_hand: str) -> None:
            bar.update(task, description=f"{what} {at_hand}", completed=done, total=total)

        yield on_progress


def _print_report(report: HarvestReport, error: str | None) -> None:
    """Print the account of a run; of one that ended early only what was done."""
    if not report.read:
        if error is None:
            OUT.print(_nothing_found(report), highlight=False, soft_wrap=True)
        return
    account = report.as_json()
    OUT.print(_account_table(account))
    for refusal in report.refusals:
        OUT.print(f"refused {refusal.reason}", highlight=False, markup=False, emoji=False, soft_wrap=True)
    for warning in report.warnings:
        OUT.print(f"warning {warning}", highlight=False, markup=False, emoji=False, soft_wrap=True)
    if error == INTERRUPTION:
        OUT.print("The harvest was interrupted. What was written is kept: harvest again to do the rest.")
    elif error is None and account["unchanged"] and not (account["new"] or account["changed"]):
        OUT.print("Nothing has changed since the last harvest.")


def _account_table(account: dict[str, Any]) -> Table:
    table = Table(title=f"{account['location']}{' (dry run: nothing was written)' if account['dry_run'] else ''}")
    columns = ("read", "new", "changed", "unchanged", "refused", "items_written")
    for name in columns:
        table.add_column(name.replace("items_", "Items "), justify="right")
    table.add_row(*(str(account[name]) for name in columns))
    return table


def _nothing_found(report: HarvestReport) -> str:
    seen = ", ".join(f"{number} {kind}" for kind, number in report.passed_over.items())
    return f"No delivery was found there: {f'passed over {seen}' if seen else 'it holds no file'}."


def _where_to_point(url: str) -> str:
    return f"""
The sample catalogue is served at {url} until Ctrl-C.

  QGIS           Layer > Add Layer > Add Layer from STAC Catalog… > New: {url}
  browser        {url}/api.html
  pystac-client  python -c "from pystac_client import Client; print(*Client.open('{url}').search(max_items=5).items())"

Its files are open to everybody who can reach it (as with --public-assets): they are synthetic.
"""


def _say(message: str) -> None:
    ERR.print(message, style="dim", highlight=False)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


if __name__ == "__main__":
    main()
