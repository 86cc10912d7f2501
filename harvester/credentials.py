"""The credentials of sources: read from the environment or from files, never from documents, and never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from harvester.errors import CredentialsError

_NAME = re.compile(r"[^A-Z0-9]+")
_SECRET_PARAMETER = re.compile(r"key|token|secret|passw|sign|credential|auth|^sig$", re.IGNORECASE)


class Credentials(BaseModel):
    """What gives access to a source; None for what is not given."""

    model_config = ConfigDict(frozen=True)

    user: str | None = None
    password: SecretStr | None = None
    api_key: SecretStr | None = None
    token: SecretStr | None = None


def read_credentials(name: str, environment: Mapping[str, str]) -> Credentials:
    """The credentials called `name` in a collection document.

    They come from the variables DINAMIS_SOURCE_<NAME>_USER, _PASSWORD, _API_KEY and _TOKEN, or from files named by the
    same variables with the suffix _FILE (as container secrets are).

    Raises:
        CredentialsError: One of these files cannot be read.
    """
    values = {field: _value(variable_of(name, field), environment) for field in Credentials.model_fields}
    return Credentials.model_validate({field: value for field, value in values.items() if value})


def variable_of(name: str, field: str) -> str:
    """The environment variable of one field of the credentials called `name`."""
    return f"DINAMIS_SOURCE_{_NAME.sub('_', name.upper())}_{field.upper()}"


def is_secret_name(parameter: str) -> bool:
    """Whether the name of a URL parameter looks like that of a key."""
    return _SECRET_PARAMETER.search(parameter) is not None


def without_credentials(address: str) -> str:
    """An address fit to be shown: without user, password and parameters that hold a key."""
    scheme, _, rest = address.partition("://")
    if not rest:
        return address
    place, _, query = rest.partition("?")
    authority, slash, path = place.partition("/")
    kept = [part for part in query.split("&") if part and not is_secret_name(part.partition("=")[0])]
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}{'?' if kept else ''}{'&'.join(kept)}"


def _value(variable: str, environment: Mapping[str, str]) -> str | None:
    if variable in environment:
        return environment[variable].strip()
    if (file := environment.get(f"{variable}_FILE")) is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"{variable}_FILE={file}: {error}") from error
