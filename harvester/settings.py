"""What an operator may configure of the harvester."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, HttpUrl, Secret, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from database.documents.packaged import default_collections_directory
from database.settings import DatabaseSettings
from harvester.collection_model import Language

_SPOKEN = ", ".join(get_args(Language))


def _default_cache() -> Path:
    return DatabaseSettings().home / "cache"


def _addresses(written: object) -> object:
    """The addresses of a comma-separated text."""
    return [each.strip() for each in written.split(",") if each.strip()] if isinstance(written, str) else written


class NoticeSettings(BaseSettings):
    """Whom to tell when a harvest goes wrong, how, and beyond which limits; without recipient or webhook, nobody."""

    model_config = SettingsConfigDict(
        env_prefix="DINAMIS_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    notice_mail_to: Annotated[list[str], NoDecode, BeforeValidator(_addresses)] = []
    """DINAMIS_NOTICE_MAIL_TO: who gets a mail, separated by commas."""

    notice_mail_from: str = "dinamis-stac@localhost"
    """DINAMIS_NOTICE_MAIL_FROM: the sender."""

    notice_mail_host: str = "localhost"
    """DINAMIS_NOTICE_MAIL_HOST: the mail server."""

    notice_mail_port: int = Field(default=587, ge=1, le=65535)
    """DINAMIS_NOTICE_MAIL_PORT: its port; 465 for TLS from the start, 25 inside a machine."""

    notice_mail_security: Literal["starttls", "tls", "none"] = "starttls"
    """DINAMIS_NOTICE_MAIL_SECURITY: how the connection is encrypted; certificates are verified."""

    notice_mail_user: str | None = None
    """DINAMIS_NOTICE_MAIL_USER: the user to log in as; none by default."""

    notice_mail_password: SecretStr | None = None
    """DINAMIS_NOTICE_MAIL_PASSWORD: never sent over a connection that is not encrypted."""

    notice_webhook_url: Secret[HttpUrl] | None = None
    """DINAMIS_NOTICE_WEBHOOK_URL: gets a POST with JSON. The address may itself be a secret, so it is never shown."""

    notice_webhook_secret: SecretStr | None = None
    """DINAMIS_NOTICE_WEBHOOK_SECRET: sent as bearer token."""

    notice_timeout_s: float = Field(default=10.0, gt=0)
    """DINAMIS_NOTICE_TIMEOUT_S: how long the mail server or the webhook may take to answer, in seconds."""

    notice_quarantined_share: float | None = Field(default=0.05, ge=0, le=1)
    """DINAMIS_NOTICE_QUARANTINED_SHARE: tell of a run that refused more than this share of its records."""

    notice_quarantined_number: int | None = Field(default=None, ge=0)
    """DINAMIS_NOTICE_QUARANTINED_NUMBER: tell of a run that refused more records than this."""

    @model_validator(mode="after")
    def _keep_the_password_secret(self) -> Self:
        """Refuse to send a password in clear."""
        if self.notice_mail_password and self.notice_mail_security == "none":
            raise ValueError("DINAMIS_NOTICE_MAIL_PASSWORD needs DINAMIS_NOTICE_MAIL_SECURITY=starttls or tls")
        if bool(self.notice_mail_password) != bool(self.notice_mail_user):
            raise ValueError("set both DINAMIS_NOTICE_MAIL_USER and DINAMIS_NOTICE_MAIL_PASSWORD, or none of them")
        return self


class HarvestSettings(NoticeSettings):
    """The settings of the harvester: read from the environment once, by the command line, and passed on."""

    collections: Path = Field(default_factory=default_collections_directory)
    """DINAMIS_COLLECTIONS: the folder of collection documents; the packaged ones by default."""

    cache: Path = Field(default_factory=_default_cache)
    """DINAMIS_CACHE: the folder where answers of services are kept, to ask whether they have changed."""

    language: str = "fr"
    """DINAMIS_LANGUAGE: the language in which Collections are published; the others are translations."""

    @field_validator("language")
    @classmethod
    def _one_of_the_documents(cls, tag: str) -> str:
        """The language of a tag such as `en-GB`, if the documents have it."""
        language = re.split("[-_]", tag.strip())[0].lower()
        if language not in get_args(Language):
            raise ValueError(f"{tag!r} is no language of the collection documents; there are {_SPOKEN}")
        return language
