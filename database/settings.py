"""Which database to use: a private cluster by default, an external server where one is named."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psycopg
from platformdirs import user_data_path
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SYSTEM_HOME = Path("/var/lib/dinamis")
UNREADABLE_URL = (
    "it is not a PostgreSQL URL: write postgresql://user:password@host:5432/database, with / @ : and other signs of "
    "the password as %2F, %40, %3A…"
)


def default_home() -> Path:
    """The default place of the private cluster.

    For root it is a system directory: PostgreSQL then runs as another user, who could not enter root's home.
    """
    return SYSTEM_HOME if os.geteuid() == 0 else user_data_path("dinamis")


class DatabaseSettings(BaseSettings):
    """The connection part of the configuration, read from the environment only.

    A stray `PGUSER` or `PGPORT` does not make the database external; if it is external, libpq itself reads the
    remaining `PG*` variables.
    """

    # No `populate_by_name`: the field `home` would then be filled from the variable HOME.
    model_config = SettingsConfigDict(
        env_prefix="DINAMIS_", env_file=None, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(default_factory=default_home)
    database_url: SecretStr | None = None
    api_database_url: SecretStr | None = None
    harvest_database_url: SecretStr | None = None
    pg_host: str | None = Field(default=None, validation_alias="PGHOST")
    pg_service: str | None = Field(default=None, validation_alias="PGSERVICE")

    @field_validator("database_url", "api_database_url", "harvest_database_url")
    @classmethod
    def _readable(cls, url: SecretStr | None) -> SecretStr | None:
        try:
            parts = conninfo_to_dict(url.get_secret_value()) if url else {}
        except psycopg.Error:
            # The original message would repeat the URL, including the password.
            raise ValueError(UNREADABLE_URL) from None
        if "@" in str(parts.get("host", "")) or re.search("[^0-9,]", str(parts.get("port", ""))):
            raise ValueError(UNREADABLE_URL)
        return url

    @property
    def names_owner(self) -> bool:
        """Whether an external server can be reached as the owner of the catalogue."""
        return bool(self.database_url or self.pg_host or self.pg_service)

    @property
    def is_external(self) -> bool:
        """Whether an external server is named, even if only for one role."""
        return bool(self.names_owner or self.api_database_url or self.harvest_database_url)

    def embedded_in(self, home: Path) -> DatabaseSettings:
        """The same settings for a private cluster in `home`, whatever server the environment names."""
        servers = ("database_url", "api_database_url", "harvest_database_url", "pg_host", "pg_service")
        return self.model_copy(update={"home": home, **dict.fromkeys(servers)})
