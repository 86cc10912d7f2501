"""The SQL of each room, one statement a file in its folder `sql/`."""

from __future__ import annotations

from importlib.resources import files
from typing import LiteralString


def statement(package: str, name: str) -> LiteralString:
    """The text of `sql/{name}.sql` of a package, for psycopg and asyncpg alike: ours, without what anybody typed."""
    return (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def statements(package: str, *names: str) -> tuple[LiteralString, ...]:
    """The texts of several."""
    return tuple(statement(package, name) for name in names)
