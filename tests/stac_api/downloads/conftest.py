"""A server whose files are given out by rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from database import Database
from tests.stac_api.downloads.protected_catalogue import Gate, guarded, write_archive


@pytest.fixture(scope="session")
def guarded_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a COG and the files beside it."""
    folder = tmp_path_factory.mktemp("guarded")
    write_archive(folder)
    return folder


@pytest.fixture(scope="module")
def gate(module_database: Database, guarded_archive: Path) -> Iterator[Gate]:
    """The server of one module."""
    with guarded(module_database, guarded_archive) as running:
        yield running
