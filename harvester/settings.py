"""What an operator may configure of the harvester."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from harvester.collection_documents import default_collections_directory


class HarvestSettings(BaseSettings):
    """Read from the environment once, by the command line, and passed on."""

    model_config = SettingsConfigDict(env_prefix="DINAMIS_", extra="ignore")

    collections: Path = Field(default_factory=default_collections_directory)
    """DINAMIS_COLLECTIONS: the folder of collection documents; the packaged ones by default."""

    language: str = "fr"
    """DINAMIS_LANGUAGE: the language in which Collections are published; the others are translations."""
