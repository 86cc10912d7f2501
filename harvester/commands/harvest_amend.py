"""`dinamis harvest undo`, `quarantine` and `correct`: what people change by hand."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from database.commands.terminal import json_option, print_json, print_plain
from harvester.commands.opening import harvest_connection, harvest_context, known_feeds
from harvester.commands.run_accounts import Accounts, report_option
from harvester.instants import spoken


@click.command()
@click.argument("run", type=int)
@report_option
@json_option
def undo(run: int, file: Path | None, as_json: bool) -> None:
    """Put back what a RUN changed. Its new records are withdrawn, the others are again as they were before it.

    Records that later runs changed are left alone, and named. The undo is itself a run, which can be undone.

    \b
      dinamis harvest show 12
      dinamis harvest undo 12
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.amendments import undo_run
    from harvester.runs.history import report_of

    context = harvest_context()
    with harvest_connection() as connection:
        undone = report_of(connection, run)
    accounts = Accounts(as_json=as_json, file=file, is_one=True)
    with accounts.kept(), accounts.of(undone.feed, undone.location, kind="undo") as watch:
        watch.report = undo_run(run, context, watch)
    sys.exit(accounts.exit_code)


@click.group()
def quarantine() -> None:
    """Inspect and replay the records that could not become Items."""


@quarantine.command("list")
@click.option("--feed", metavar="NAME", help="Only those of this feed (COLLECTION/SOURCE).")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="List at most this many.")
@json_option
def list_quarantine(feed: str | None, limit: int, as_json: bool) -> None:
    """List the records in quarantine. It says since when each was refused, and why."""
    from harvester.amendments import quarantined

    with harvest_connection() as connection:
        records = quarantined(connection, feed, limit)
    if as_json:
        print_json([dict(each.__dict__) for each in records])
        return
    for each in records:
        print_plain(f"{each.source}\t{each.record}\t{each.first_seen:%Y-%m-%d}\t{each.reason}")
    if not records:
        elsewhere = f" of {feed}: `dinamis harvest quarantine list` lists those of all feeds" if feed else ""
        print_plain(f"No record is in quarantine{elsewhere}.")


@quarantine.command("show")
@click.argument("source")
@click.argument("record")
@json_option
def show_quarantined(source: str, record: str, as_json: bool) -> None:
    """Show a quarantined RECORD of a SOURCE. It says where, why and since when it was refused, and what it contains."""
    from harvester.amendments import quarantined_record

    with harvest_connection() as connection:
        known, content = quarantined_record(connection, source, record)
    if as_json:
        print_json({**known.__dict__, "content": content})
        return
    for name, value in known.__dict__.items():
        told = spoken(value) if isinstance(value, datetime) else value
        print_plain(f"{name.replace('_', ' '):<12}{told}")
    print_json(content)


@quarantine.command()
@click.option("--feed", metavar="NAME", help="Only the records of this feed (COLLECTION/SOURCE).")
@click.option("--record", metavar="ID", help="Only this record.")
@click.option("--dry-run", is_flag=True, help="Write nothing, and show what would change.")
@report_option
@json_option
def replay(feed: str | None, record: str | None, dry_run: bool, file: Path | None, as_json: bool) -> None:
    """Read records in quarantine again, without asking their source. The present program and documents are used.

    Those that can be read now become Items; the others stay, with their present reason.
    """
    from harvester.amendments import replay_quarantine

    context = harvest_context()
    with harvest_connection() as connection:
        feeds = known_feeds(connection, context.documents)
    accounts = Accounts(as_json=as_json, file=file, is_one=True)
    with accounts.kept(), accounts.of(feed or "quarantine", "", kind="replay") as watch:
        watch.report = replay_quarantine(context, feeds, feed=feed, record=record, dry_run=dry_run, watch=watch)
    sys.exit(accounts.exit_code)


@click.command()
@click.argument("item")
@click.argument("field", required=False)
@click.argument("value", required=False)
@click.option("--reason", help="Why; stored with the correction.")
@click.option("--author", default=getpass.getuser, help="Who says so; you by default.")
@click.option("--list", "is_list", is_flag=True, help="List the corrections of the Item.")
@click.option("--remove", metavar="FIELD", help="Remove the correction of this field.")
@json_option
def correct(  # noqa: PLR0913, PLR0917 -- an argument for each that may be typed
    item: str,
    field: str | None,
    value: str | None,
    reason: str | None,
    author: str,
    is_list: bool,
    remove: str | None,
    as_json: bool,
) -> None:
    """Correct what the sources say of an ITEM. Later harvests keep the correction.

    VALUE is JSON, or else plain text. Exit code: 0 done, 2 the field or the value is refused.

    \b
      dinamis harvest correct PHR1A_202108151041301 eo:cloud_cover 3 --reason "haze, not cloud"
      dinamis harvest correct PHR1A_202108151041301 --list
      dinamis harvest correct PHR1A_202108151041301 --remove eo:cloud_cover
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.amendments import correct_item

    if is_list + bool(remove) + (value is not None) != 1 or (value is None and field is not None):
        raise click.UsageError("give FIELD VALUE, or --list, or --remove FIELD.")
    if is_list:
        _list_corrections(item, as_json=as_json)
        return
    if value is not None and not (reason or "").strip():
        raise click.UsageError("say why with --reason.")
    new = None if value is None else _as_value(value)
    correct_item(harvest_context(), item, remove or str(field), new, reason or "taken back", author)
    if as_json:
        print_json({"item": item, "field": remove or field, "value": new})
    else:
        print_plain(f"{item}: {remove} is again what its sources say." if remove else f"{item}: {field} is {value}.")


def _list_corrections(item: str, *, as_json: bool) -> None:
    from harvester.amendments import corrections_of

    with harvest_connection() as connection:
        corrections = corrections_of(connection, item)
    if as_json:
        print_json([dict(each.__dict__) for each in corrections])
        return
    for each in corrections:
        value = json.dumps(each.value, ensure_ascii=False)
        print_plain(f"{each.field} = {value}\t{each.created:%Y-%m-%d}\t{each.author}: {each.reason}")
    if not corrections:
        print_plain(f"{item} has no corrections.")


def _as_value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if value is None:
        raise click.UsageError("null is no value: --remove FIELD removes a correction.")
    return value
