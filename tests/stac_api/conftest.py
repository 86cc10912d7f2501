"""The real server over a real pgSTAC with an invented catalogue, reached by HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from database import Database
from database.commands.terminal import OUT
from stac_api import ApiSettings, create_app
from tests.stac_api.invented_catalogue import Site, fill, serving


@pytest.fixture(autouse=True)
def _wide_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands print tables as wide as what is in them, whatever terminal runs the tests."""
    monkeypatch.setattr(OUT, "width", 1000)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of deliveries, with a link that leads out of it."""
    folder = tmp_path_factory.mktemp("archive")
    job = folder / "job 1"
    job.mkdir()
    (job / "IMG é.TIF").write_bytes(bytes(range(256)) * 1000)
    (job / "notes.html").write_text("<script>alert(1)</script>")
    (folder / "secret.txt").write_text("secret")
    (job / "out.txt").symlink_to(folder / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def site(module_database: Database, archive: Path) -> Iterator[Site]:
    """The server over the invented catalogue, its files open to all."""
    fill(module_database, archive)
    with serving(create_app(ApiSettings(public_assets=True), module_database.conninfo("api"))) as running:
        yield running


@pytest.fixture
def serve(database: Database) -> Iterator[Callable[..., Site]]:
    """A function that serves an empty catalogue with the settings it is given."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            serving(create_app(ApiSettings(**settings), database.conninfo("api")))
        )
