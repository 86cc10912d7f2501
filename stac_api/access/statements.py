"""The SQL of access, one statement a file in `sql/`."""

from __future__ import annotations

from importlib.resources import files
from typing import LiteralString


def statement(name: str) -> LiteralString:
    """The text of a statement, for psycopg and asyncpg alike: it is ours, so that nothing somebody typed is in it."""
    return (files("stac_api.access") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
