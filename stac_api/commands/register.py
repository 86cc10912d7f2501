"""What the commands on entities, people and keys share: opening the register, the acting operator, printing."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.table import Column, Table
from rich.text import Text

from database.commands.opening import ready_database
from database.commands.terminal import OUT, Failure, print_json, print_plain
from stac_api.access.register.periods import last_day
from stac_api.access.register.references import printable

if TYPE_CHECKING:
    from psycopg import Connection

    from stac_api.access.register.audit import Actor

Command = TypeVar("Command", bound=Callable[..., Any])

#: Days as people type them; times are UTC.
DAY = click.DateTime(["%Y-%m-%d"])


@dataclass(frozen=True)
class Register:
    """The register, opened for one command, whose changes are one transaction."""

    connection: Connection[Any]
    actor: Actor


@contextmanager
def open_register(by: str | None = None) -> Iterator[Register]:
    """The register, committed at the end of the block.

    Args:
        by: The operator who acts, as typed; None: the user of the command line.

    Raises:
        Failure: The person is not an operator.
    """
    from stac_api.access.register.audit import Actor
    from stac_api.access.register.people import person_of

    with ready_database().connect("owner") as connection:
        person = person_of(connection, by) if by else None
        if person and not (person.is_operator and person.state == "active"):
            raise Failure(f"{person.described()} is no operator: `dinamis user operator` makes one.")
        yield Register(connection, Actor(person=person.id if person else None, login=getpass.getuser()))


def by_option(command: Command) -> Command:
    """The option that names the acting operator."""
    option = click.option(
        "--by", metavar="USER", help="The operator who does it, for the trail. [default: your login on this machine]"
    )
    return option(command)


def beginning(day: datetime | None) -> datetime | None:
    """The first moment of a day that was typed, UTC."""
    return day.replace(tzinfo=UTC) if day else None


def end(day: datetime | None) -> datetime | None:
    """The end of a day that was typed, UTC: "until Friday" includes Friday.

    Raises:
        BadParameter: No day follows it.
    """
    if day and day.date() == date.max:
        raise click.BadParameter(f"nothing is kept that long: give a day before {date.max}", param_hint="--until")
    return day.replace(tzinfo=UTC) + timedelta(days=1) if day else None


def shown_day(moment: datetime | None) -> str:
    """The day of a time, UTC, for tables."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else ""


def shown_last_day(end: datetime | None) -> str:
    """The last day of a period, for tables: the day that was typed as its end."""
    return f"{last_day(end)}" if end else ""


def print_line(text: str) -> None:
    """Print a line as it is, without terminal control characters, as people choose their own names."""
    print_plain(printable(text))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: Collection[str] = ()) -> None:
    """Print rows as they are: names are not markup.

    Args:
        columns: The headings.
        rows: A cell for each heading.
        whole: Columns to copy from, which are never wrapped: on a narrow terminal the others shrink.
    """
    headings = (Column(name, overflow="fold", no_wrap=name in whole) for name in columns)
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(printable("" if value is None else str(value))) for value in row))
    OUT.print(table)


def print_document(data: Any) -> None:
    """Print dataclasses as JSON, times as RFC 3339."""
    from pydantic_core import to_jsonable_python

    print_json(to_jsonable_python(data))
