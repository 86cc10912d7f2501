"""A server whose files are given out by rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.stac_api.downloads.protected_catalogue import Gate, guarded, write_archive


@pytest.fixture(scope="session")
def guarded_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a COG and the files beside it."""
    folder = tmp_path_factory.mktemp("guarded")
    write_archive(folder)
    return folder


@pytest.fixture(scope="session")
def gate(postgres_server: PostgresServer, guarded_archive: Path) -> Iterator[Gate]:
    """The server that the modules share, unless they need one of their own."""
    with postgres_server.clone() as database, guarded(database, guarded_archive) as running:
        yield running
