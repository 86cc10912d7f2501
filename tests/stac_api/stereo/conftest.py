"""The server over the invented passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from database import Database
from stac_api import ApiSettings, create_app
from tests.stac_api.invented_catalogue import Site, serving
from tests.stac_api.stereo.stereo_catalogue import fill_with_stereo


@pytest.fixture(scope="module")
def stereo_site(module_database: Database) -> Iterator[Site]:
    """The server over the invented passes."""
    fill_with_stereo(module_database)
    with serving(create_app(ApiSettings(), module_database.conninfo("api"))) as running:
        yield running
