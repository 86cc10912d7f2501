"""`dinamis harvest retire` and `rename`: what becomes of a source that no collection document names any more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from database.commands.terminal import confirm, json_option
from harvester.commands.opening import documented_feeds, harvest_connection, harvest_context
from harvester.commands.run_accounts import Accounts, report_option


@click.command()
@click.argument("source", metavar="COLLECTION/SOURCE")
@click.option("--dry-run", is_flag=True, help="Write nothing, and show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@report_option
@json_option
def retire(source: str, dry_run: bool, yes: bool, file: Path | None, as_json: bool) -> None:
    """Withdraw the records of a source that no document names. All of them go, those in quarantine too.

    Items that other sources have too stay, without what this one said; the others leave the catalogue, and `dinamis
    harvest undo` brings them back. Take the source out of its document first, and restart workers and schedulers. A
    place that was named on the command line is "deliveries PATH_OR_URL" here; the name of a source alone is enough
    if it is unique.

    \b
      dinamis harvest retire spot-6-7-open/openspot --dry-run
      dinamis harvest retire spot-6-7-open/openspot

    Exit code: 0 all are withdrawn, 1 some could not be (each with its reason), 2 the source cannot be retired. If
    it is interrupted, the same command resumes it.
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.amendments import retire_source, source_to_retire

    context = harvest_context()
    with harvest_connection() as connection:
        known = source_to_retire(connection, source, context.documents)
    if (known.active or known.quarantined) and not (yes or dry_run):
        quarantined = f", and {known.quarantined} in quarantine" if known.quarantined else ""
        question = f"Withdraw the {known.active} records of {known.feed} that are in force{quarantined}?"
        confirm(question)
    accounts = Accounts(as_json=as_json, file=file, is_one=True)
    with accounts.kept(), accounts.of(known.feed, "", kind="retire") as watch:
        watch.report = retire_source(known.feed, context, dry_run=dry_run, watch=watch)
    sys.exit(accounts.exit_code)


@click.command()
@click.argument("old", metavar="COLLECTION/OLD")
@click.argument("new", metavar="COLLECTION/NEW")
@report_option
@json_option
def rename(old: str, new: str, file: Path | None, as_json: bool) -> None:
    """Give a source the name that it has in its document now.

    Rename it in the document first, restart workers and schedulers, and do this before the next harvest, which then
    knows every record and takes none in anew. The source keeps its history, and Items that name it are written with the
    new name. A place from the command line that a document names now is "deliveries PATH_OR_URL" here.

    \b
      dinamis harvest rename spot-6-7-open/openspot spot-6-7-open/ads

    Exit code: 0 done, 2 it cannot be renamed. If it is interrupted, the same command resumes it.
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.amendments import rename_source
    from harvester.jobs.queue import job_queue, rename_waiting

    context = harvest_context()

    def rename_jobs() -> None:
        if feed := documented_feeds(context.documents).get(new):
            with job_queue(context.conninfo).open() as queue:
                rename_waiting(queue, old, feed)

    accounts = Accounts(as_json=as_json, file=file, is_one=True)
    with accounts.kept(), accounts.of(new, "", kind="rename") as watch:
        watch.report = rename_source(old, new, context, watch, rename_jobs)
    sys.exit(accounts.exit_code)
