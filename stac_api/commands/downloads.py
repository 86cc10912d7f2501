"""The commands `downloads`."""

from __future__ import annotations

import click

from database.commands.terminal import json_option, print_plain
from stac_api.commands.register import by_option, open_register, print_document, print_table

#: A year, and a month in which to look at it.
KEPT_MONTHS = 13


@click.group()
def downloads() -> None:
    """Count downloads, and forget in due time who made them.

    \b
      dinamis downloads count     by month, collection and category
      dinamis downloads forget    once a month: of downloads older than 13 months only the counts stay
    """  # noqa: D301  # click needs the character, which a raw string lacks


@downloads.command()
@json_option
def count(as_json: bool) -> None:
    """Show how much was downloaded in each month, the latest first. Sizes count only files that were sent whole."""
    from stac_api.downloads.retention import downloads_by_month

    with open_register() as register:
        found = downloads_by_month(register.connection)
    if as_json:
        print_document(found)
        return
    print_table(
        ("month", "collection", "category", "downloads", "bytes"),
        ((f"{each.month:%Y-%m}", each.collection, each.category, each.downloads, each.bytes) for each in found),
    )


@downloads.command()
@click.option(
    "--months",
    default=KEPT_MONTHS,
    show_default=True,
    type=click.IntRange(min=12),
    help="How many whole months before the current one are kept as they are.",
)
@by_option
def forget(months: int, by: str | None) -> None:
    """Count earlier months, and forget who downloaded which image.

    The counts by month, collection, category, entity and licence stay; pseudonyms, networks, Items and times are
    deleted for good. Nothing of the last year can be forgotten: the database refuses it.
    """
    from stac_api.downloads.retention import forget_downloads

    with open_register(by) as register:
        forgotten = forget_downloads(register.connection, register.actor, months)
    print_plain(f"forgotten: {forgotten}")
