"""Attack: go on with a right that has ended. What is taken from somebody is gone at his next request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from database import Database
from tests.postgres import PostgresServer
from tests.stac_api.access.restricted_catalogue import HIDDEN, Catalogues, restricted_catalogues


@pytest.fixture
def own(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[tuple[Catalogues, Database]]:
    """Catalogues that a test may change."""
    with (
        postgres_server.clone() as full,
        postgres_server.clone() as double,
        restricted_catalogues(full, double, tmp_path) as served,
    ):
        yield served, full


def test_rights_are_gone_at_the_next_request(own: tuple[Catalogues, Database]) -> None:
    """A suspended entity, an ended membership and a revoked key count at once; a new key is good at once."""
    catalogues, database = own
    path = f"/collections/{HIDDEN}"
    assert [catalogues.answer(path, role).status_code for role in ("scientist", "signer")] == [200, 200]
    with database.connect("owner") as connection:
        connection.execute(
            "UPDATE dinamis.membership SET valid = tstzrange(lower(valid), now()) WHERE person = "
            "(SELECT id FROM dinamis.person WHERE name = 'scientist')"
        )
    assert [catalogues.answer(path, role).status_code for role in ("scientist", "signer")] == [404, 200]
    with database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.entity SET state = 'suspended' WHERE name = 'An institute'")
    assert catalogues.answer(path, "signer").status_code == 404
    with database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.api_key SET revoked_at = now()")
    assert catalogues.answer(path, "operator").status_code == 401
    assert catalogues.answer("/conformance", "operator").status_code == 401
