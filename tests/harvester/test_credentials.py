"""Credentials of sources: from the environment or from files, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.credentials import Credentials, read_credentials
from harvester.errors import CredentialsError


def test_credentials_come_from_variables_and_files(tmp_path: Path) -> None:
    """Each value is a variable of the name in the document, or the content of a file, without its line end."""
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t\n", "utf-8")
    environment = {
        "DINAMIS_SOURCE_ONE_ATLAS_API_KEY_FILE": str(secret),
        "DINAMIS_SOURCE_ONE_ATLAS_USER": "somebody",
        "DINAMIS_SOURCE_OTHER_PASSWORD": "other",
    }
    credentials = read_credentials("one-atlas", environment)
    assert credentials.user == "somebody"
    assert credentials.api_key is not None
    assert credentials.api_key.get_secret_value() == "s3cr3t"
    assert (credentials.password, credentials.token) == (None, None)


def test_no_credentials_are_none() -> None:
    """A source without credentials in the environment has none, and an empty variable is no credential."""
    assert read_credentials("oneatlas", {"DINAMIS_SOURCE_ONEATLAS_TOKEN": ""}) == Credentials()


def test_credentials_are_not_shown() -> None:
    """Neither the text nor the representation of credentials holds a secret."""
    credentials = read_credentials("a", {"DINAMIS_SOURCE_A_PASSWORD": "hunter2", "DINAMIS_SOURCE_A_TOKEN": "hunter3"})
    assert "hunter" not in f"{credentials} {credentials!r} {credentials.model_dump_json()}"


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file of credentials that is not there stops with the variable that names it."""
    with pytest.raises(CredentialsError, match="DINAMIS_SOURCE_A_API_KEY_FILE"):
        read_credentials("a", {"DINAMIS_SOURCE_A_API_KEY_FILE": str(tmp_path / "nowhere")})
