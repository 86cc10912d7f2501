"""What commands open before they work: their settings and the database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from database.commands.terminal import Failure, say

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from pydantic_settings import BaseSettings

    from database import Database, DatabaseSettings
    from database.connections import Role

#: How somebody likes to read times in psql: libpq would ask for it in place of what we can read.
_HABITS = ("PGDATESTYLE", "PGTZ")

Settings = TypeVar("Settings", bound="BaseSettings")


def settings_of(kind: type[Settings]) -> Settings:
    """The settings of one program, from the environment.

    Raises:
        Failure: a variable has an invalid value.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        raise Failure("; ".join(_in_words(problem, prefix) for problem in error.errors())) from error


def _in_words(problem: ErrorDetails, prefix: str) -> str:
    """What is wrong with one variable; or with several together, whose names stand in the message."""
    message = problem["msg"].removeprefix("Value error, ")
    return f"{prefix}{str(problem['loc'][-1]).upper()}: {message}" if problem["loc"] else message


def database_settings() -> DatabaseSettings:
    """The settings of the database, from the environment, which loses what would make times unreadable to us."""
    from database import DatabaseSettings

    for name in _HABITS:
        os.environ.pop(name, None)
    return settings_of(DatabaseSettings)


def ready_database(role: Role = "owner", *, own_home: Path | None = None) -> Database:
    """The database, started and up to date for a role; with `own_home`, a private one there, whatever the settings."""
    from database import ensure_migrated, open_database

    settings = database_settings()
    if own_home:
        settings = settings.embedded_in(own_home)
    database = open_database(settings, on_progress=say)
    ensure_migrated(database, role)
    return database
