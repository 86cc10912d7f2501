"""Which database to use: a private cluster by default, an external server where one is named."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SYSTEM_HOME = Path("/var/lib/dinamis")


def default_home() -> Path:
    """Where the private cluster lives when nobody says otherwise.

    As root it is a system directory: PostgreSQL then runs as another user, who could not enter root's own home.
    """
    return SYSTEM_HOME if os.geteuid() == 0 else user_data_path("dinamis")


class DatabaseSettings(BaseSettings):
    """The connection part of the configuration, read from the environment only.

    A stray `PGUSER` or `PGPORT` does not make the database external; libpq itself reads the remaining `PG*` variables
    once it is.
    """

    model_config = SettingsConfigDict(env_file=None, extra="ignore", populate_by_name=True, env_ignore_empty=True)

    home: Path = Field(default_factory=default_home, validation_alias="DINAMIS_HOME")
    database_url: SecretStr | None = Field(default=None, validation_alias="DINAMIS_DATABASE_URL")
    api_database_url: SecretStr | None = Field(default=None, validation_alias="DINAMIS_API_DATABASE_URL")
    harvest_database_url: SecretStr | None = Field(default=None, validation_alias="DINAMIS_HARVEST_DATABASE_URL")
    pg_host: str | None = Field(default=None, validation_alias="PGHOST")
    pg_service: str | None = Field(default=None, validation_alias="PGSERVICE")

    @property
    def is_external(self) -> bool:
        """Whether a server that is not ours is named."""
        return bool(self.database_url or self.pg_host or self.pg_service)

    def embedded_in(self, home: Path) -> DatabaseSettings:
        """The same settings for a private cluster in `home`, whatever server the environment names."""
        servers = ("database_url", "api_database_url", "harvest_database_url", "pg_host", "pg_service")
        return self.model_copy(update={"home": home, **dict.fromkeys(servers)})
