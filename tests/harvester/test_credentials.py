"""Credentials of sources: from the environment or from files, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.credentials import Credentials, read_credentials, without_credentials
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


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:word@host/wmts", "https://host/wmts"),
        ("https://host/wmts?map=a&apikey=word&x=1", "https://host/wmts?map=a&x=1"),
        ("https://me:word@host?access_token=word", "https://host"),
        ("file:///data/archive", "file:///data/archive"),
        ("/data/archive?key=1", "/data/archive?key=1"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(address: str, shown: str) -> None:
    """Neither a user and password nor a key among the parameters is shown; all else is."""
    assert without_credentials(address) == shown
