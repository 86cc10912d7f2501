"""Where the rule files are that an operator may activate."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from database.documents.packaged import default_collections_directory


class RuleSettings(BaseSettings):
    """The settings of rules: read from the environment once, by the command line, and passed on."""

    model_config = SettingsConfigDict(env_prefix="DINAMIS_", extra="ignore", env_ignore_empty=True)

    collections: Path = Field(default_factory=default_collections_directory)
    """DINAMIS_COLLECTIONS: the folder of collection documents, with `rules/` in it; the packaged one by default."""

    @property
    def rules(self) -> Path:
        """The folder of policy sets and licences."""
        return self.collections / "rules"
