"""Times as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime

import click


def _in_utc(_ctx: click.Context, _param: click.Parameter, moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


at_option = click.option(
    "--at",
    type=click.DateTime(formats=("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")),
    callback=_in_utc,
    metavar="DATE",
    help="At this time instead of now: 2022-10-01, or 2022-10-01T08:00:00+02:00; UTC where no zone is given.",
)
