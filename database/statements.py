"""The SQL of each package, one statement per file in its folder `sql/`."""

from __future__ import annotations

from importlib.resources import files
from typing import LiteralString


def statement(package: str, name: str) -> LiteralString:
    """The text of `sql/{name}.sql` of a package, for psycopg and asyncpg: a literal, without user input."""
    return (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def statements(package: str, *names: str) -> tuple[LiteralString, ...]:
    """The texts of several statements."""
    return tuple(statement(package, name) for name in names)
