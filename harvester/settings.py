"""What an operator may configure of the harvester."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from harvester.collection_documents import default_collections_directory
from harvester.collection_model import Language

_SPOKEN = ", ".join(get_args(Language))


class HarvestSettings(BaseSettings):
    """Read from the environment once, by the command line, and passed on."""

    model_config = SettingsConfigDict(env_prefix="DINAMIS_", extra="ignore")

    collections: Path = Field(default_factory=default_collections_directory)
    """DINAMIS_COLLECTIONS: the folder of collection documents; the packaged ones by default."""

    language: str = "fr"
    """DINAMIS_LANGUAGE: the language in which Collections are published; the others are translations."""

    source_password: SecretStr | None = None
    """DINAMIS_SOURCE_PASSWORD: of an FTP or SFTP server whose URL names a user only."""

    @field_validator("language")
    @classmethod
    def _one_of_the_documents(cls, tag: str) -> str:
        """The language of a tag such as `en-GB`, if the documents speak it."""
        language = re.split("[-_]", tag.strip())[0].lower()
        if language not in get_args(Language):
            raise ValueError(f"{tag!r} is no language of the collection documents; there are {_SPOKEN}")
        return language
