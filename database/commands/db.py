"""The commands `db` and `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.markup import escape

from database.commands.opening import database_settings, ready_database
from database.commands.terminal import OUT, confirm, json_option, print_json, say, stopped_like_ctrl_c

if TYPE_CHECKING:
    from database import DatabaseSettings
    from database.connections import Role


@click.group()
def db() -> None:
    """Run and look after the database.

    By default this is a private PostgreSQL in DINAMIS_HOME. With DINAMIS_DATABASE_URL, PGHOST or PGSERVICE set it is
    that server: then only `status`, `migrate`, `shell`, `backup` and `restore` apply.
    """


@db.command()
def start() -> None:
    """Start the private database. It is created first if need be, and brought up to date."""
    ready_database()
    OUT.print(_described_state())


@db.command()
def stop() -> None:
    """Stop the private database. Connections are closed, nothing is lost."""
    from database import PrivateCluster

    stopped = PrivateCluster(_embedded_settings().home).stop()
    OUT.print("The private database is stopped." if stopped else "The private database was not running.")


@db.command()
@json_option
def status(as_json: bool) -> None:
    """Show whether the database runs, where, and in which version."""
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
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Back up the whole catalogue into a FILE. It holds Items, ledger, runs, rules, accounts and jobs, but no images.

    Other programs may keep working. Only you may read the file, as it has keys and accounts in it.

    \b
      dinamis db backup /backups/dinamis-$(date +%F).dump
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from database import back_up, open_database

    with stopped_like_ctrl_c():
        size = back_up(open_database(database_settings(), on_progress=say), file)
    OUT.print(f"{escape(str(file))}: {size / 1e6:.1f} MB", highlight=False, soft_wrap=True)


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace an existing catalogue, which is lost.")
def restore(file: Path, replace: bool) -> None:
    """Restore a backup FILE, all of it or nothing. It is migrated to this release's schema.

    The database must not have a catalogue yet. Stop servers, workers and schedulers first. Harvests continue from where
    they were when the backup was made.

    \b
      dinamis db restore /backups/dinamis-2026-11-01.dump
      dinamis harvest status
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from database import open_database
    from database import restore as restore_database

    with stopped_like_ctrl_c():
        items = restore_database(open_database(database_settings(), on_progress=say), file, replaces=replace)
    OUT.print(f"There are {items} Items in the catalogue.", highlight=False)


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(yes: bool) -> None:
    """Stop the private database and delete it with all its contents. This cannot be undone."""
    from database import PrivateCluster

    home = _embedded_settings().home
    if not yes:
        confirm(f"Delete the private database in {home} with all its Items?")
    destroyed = PrivateCluster(home).destroy()
    OUT.print(f"The private database in {home} is gone." if destroyed else f"There is no private database in {home}.")


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is missing or amiss, and how to fix it. Checks programs, extensions, versions, disk and ports."""
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


def _embedded_settings() -> DatabaseSettings:
    settings = database_settings()
    if settings.is_external:
        raise click.UsageError("the environment names an external server, which this command leaves alone")
    return settings


def _described_state() -> str:
    from database import database_status

    return database_status(database_settings()).described()
