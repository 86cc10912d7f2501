"""`dinamis harvest verify`: whether the catalogue is as the ledger says."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from database.commands.terminal import json_option, print_json, print_plain, progress_bar, stopped_like_ctrl_c
from harvester.commands.opening import harvest_context

if TYPE_CHECKING:
    from harvester.amendments import Finding, Verification

#: Most fields of an Item, and most Items, that are named; `--json` has more.
_FIELDS = 5
_ITEMS = 50


@click.command()
@click.argument("collections", nargs=-1, metavar="[COLLECTION]...")
@click.option("--mend", is_flag=True, help="Write what is missing or different, and remove what is left over.")
@json_option
def verify(collections: tuple[str, ...], mend: bool, as_json: bool) -> None:
    """Compare the catalogue with the ledger. Is each Item there, and does it say what its records say?

    No source is asked. Use it after a restore, after somebody changed the catalogue by hand, and with --mend after an
    upgrade, to have Items built as this release builds them. It checks the images of all collections, or of those
    named, and their stereo sets.

    \b
      missing      it is not in the catalogue
      different    it differs from what its records say
      left over    it is in the catalogue, but was withdrawn or moved
      foreign      no harvest ever made it: it is left alone
      unreadable   this release cannot read a record of it: it is left alone

    \b
      dinamis harvest verify
      dinamis harvest verify pleiades spot-6-7 --mend

    Exit code: 0 all is as it should be, 1 something is not (with --mend: what could not be mended), 2 it failed.
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.amendments import verify as verify_catalogue

    context = harvest_context()
    if unknown := sorted(set(collections) - context.documents.keys()):
        raise click.UsageError(f"there is no document of {', '.join(unknown)}: see `dinamis collections list`.")
    with stopped_like_ctrl_c(), progress_bar("verifying") as show:

        def watch(account: Verification) -> None:
            show(account.items, account.of, lambda: _counted(account))

        account = verify_catalogue(context, collections, mend=mend, watch=watch)
    if as_json:
        print_json(account.as_json())
    else:
        _print(account)
    sys.exit(1 if account.left else 0)


def _print(account: Verification) -> None:
    for line in _lines(account.findings[:_ITEMS]):
        print_plain(line)
    found = account.counts.total()
    if found > _ITEMS:
        print_plain(f"… and {found - _ITEMS} more: --json has the first {len(account.findings)}.")
    print_plain(f"{account.items} Items of images were checked; {_counted(account)}.")
    if account.mendable:
        print_plain(f"{account.mendable} mended." if account.is_mended else "`--mend` mends what can be mended.")


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    for each in findings:
        names = list(each.fields)
        more = f" and {len(names) - _FIELDS} more" if len(names) > _FIELDS else ""
        yield "\t".join([each.kind, each.collection, each.item, *filter(None, [", ".join(names[:_FIELDS]) + more])])


def _counted(account: Verification) -> str:
    told = ", ".join(f"{number} {kind}" for kind, number in account.counts.most_common())
    return told or "nothing amiss"
