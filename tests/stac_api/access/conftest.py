"""What tests of access share: a catalogue with hidden collections, its double without them, a provider of logins."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from database import Database
from tests.postgres import PostgresServer
from tests.stac_api.access.invented_provider import InventedProvider, provider
from tests.stac_api.access.restricted_catalogue import Catalogues, restricted_catalogues


@pytest.fixture(scope="session")
def catalogues(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogues]:
    """Both catalogues over real HTTP."""
    archive = tmp_path_factory.mktemp("restricted")
    with (
        postgres_server.clone() as full,
        postgres_server.clone() as double,
        restricted_catalogues(full, double, archive) as served,
    ):
        yield served


@pytest.fixture(scope="module")
def connection(module_database: Database) -> Iterator[psycopg.Connection]:
    """A connection each of whose transactions is a test's own."""
    with module_database.connect("owner", autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def sso() -> Iterator[InventedProvider]:
    """A provider of logins."""
    with provider() as running:
        yield running
