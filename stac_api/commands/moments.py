"""Times as they are typed and shown."""

from __future__ import annotations

from datetime import UTC, datetime

import click


def _in_utc(_ctx: click.Context, _param: click.Parameter, moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown_moment(moment: datetime | None) -> str:
    """A time to the minute, UTC, whatever the zone of the database server."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


at_option = click.option(
    "--at",
    type=click.DateTime(formats=("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")),
    callback=_in_utc,
    metavar="DATE",
    help="At this time instead of now: 2022-10-01, or 2022-10-01T08:00:00+02:00; UTC where no zone is given.",
)
