"""The operator's settings of the server, and how several workers receive them."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from stac_fastapi.pgstac.config import Settings

HANDOVER_VARIABLE = "DINAMIS_API_HANDOVER"


def _words(value: Any) -> Any:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


class ApiSettings(BaseSettings):
    """The settings of the server: environment variables `DINAMIS_API_<NAME>`; no `.env` file is read."""

    model_config = SettingsConfigDict(env_prefix="DINAMIS_API_", env_file=None, extra="ignore")

    public_url: str | None = Field(
        None,
        description="Where clients reach the server; links and assets use it. Without it, each request's own host.",
    )
    title: str = Field("DINAMIS-STAC", description="Title of the landing page.")
    description: str = Field(
        "Catalogue d’imagerie satellitaire à très haute résolution de DINAMIS. "
        "DINAMIS catalogue of very-high-resolution satellite imagery.",
        description="Description of the landing page.",
    )
    public_assets: bool = Field(
        False, description="Give everybody the files of all that they can see, whatever the rules say."
    )
    oidc_issuers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        (),
        description="Providers of logins (OpenID Connect) that are trusted: their issuer URLs, separated by commas, "
        "such as https://sso.example.org/realms/dinamis.",
    )
    oidc_audiences: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        ("dinamis-stac",),
        min_length=1,
        description="What this server is called in tokens: one of these must be the audience (`aud`) of each.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        ("*",), description="Web sites whose pages may call the API, separated by commas."
    )
    log_format: Literal["logfmt", "json"] = Field("logfmt", description="One line per event: key=value, or JSON.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    pool_size: int = Field(10, ge=1, le=500, description="Most database connections of one worker.")
    statement_timeout_s: float = Field(30, gt=0, description="A query that takes longer is cancelled, in seconds.")
    stereo_images: int = Field(
        2000, ge=2, le=9999, description="Most images among which one search finds stereo sets on demand."
    )
    shutdown_timeout_s: int = Field(10, ge=0, description="How long requests under way may finish at shutdown.")

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, url: str | None) -> str | None:
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("it must be an absolute http(s) URL without query, such as https://stac.example.org/")
        return url.rstrip("/")

    @field_validator("oidc_issuers")
    @classmethod
    def _private(cls, issuers: tuple[str, ...]) -> tuple[str, ...]:
        for issuer in issuers:
            if not is_private_way(issuer):
                raise ValueError(f"{issuer} must be an https URL; plain http is only for this machine")
        return issuers


def is_private_way(url: str) -> bool:
    """Whether nobody can tamper with the answers of a URL: https, or this machine itself."""
    parts = urlsplit(url)
    is_loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback))


class StockSettings(Settings):  # type: ignore[misc]  # untyped upstream
    """The settings of stac-fastapi-pgstac, taken only from ours: neither its variables nor a `.env` file are read."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only what the code passes."""
        return (init_settings,)


def stock_settings(settings: ApiSettings, version: str) -> StockSettings:
    """The settings of stac-fastapi-pgstac that follow from ours."""
    return StockSettings(
        stac_fastapi_title=settings.title,
        stac_fastapi_description=settings.description,
        stac_fastapi_version=version,
        # The database would take much longer to put Items together, and lose some of their nulls.
        use_api_hydrate=True,
    )


class Handover(BaseSettings):
    """What the first process passes to its workers, which are new processes and share only the environment."""

    model_config = SettingsConfigDict(env_file=None)

    settings: ApiSettings
    conninfo: SecretStr


def hand_over(settings: ApiSettings, conninfo: str) -> None:
    """Put the settings and the connection into this process's environment, for its workers."""
    package = {"settings": settings.model_dump(mode="json"), "conninfo": conninfo}
    os.environ[HANDOVER_VARIABLE] = json.dumps(package)


def handed_over() -> tuple[ApiSettings, str]:
    """The settings and the connection handed over by the first process.

    Raises:
        KeyError: this process was not started by `serve`.
    """
    handover = Handover(**json.loads(os.environ[HANDOVER_VARIABLE]))
    return handover.settings, handover.conninfo.get_secret_value()
