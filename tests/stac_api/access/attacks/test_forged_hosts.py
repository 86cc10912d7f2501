"""Attack: claim another host, so that links, and those who follow them with their credentials, go there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from database import Database
from stac_api import ApiSettings, create_app
from tests.stac_api.access.restricted_catalogue import SHOWN, SHOWN_IMAGE, SHOWN_ITEMS, Catalogues
from tests.stac_api.invented_catalogue import Site, a_collection, load, serving

PUBLIC = "https://stac.example.org"
FORGED = {
    "Host": "evil.example.net",
    "X-Forwarded-Host": "evil.example.net",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example.net;proto=gopher",
}


@pytest.fixture(scope="module")
def published(module_database: Database) -> Iterator[Site]:
    """A server whose operator said under which address it is reached."""
    load(module_database, [a_collection(SHOWN, "Shown", "Images.")], SHOWN_ITEMS[:1])
    with serving(create_app(ApiSettings(public_url=PUBLIC), module_database.conninfo("api"))) as running:
        yield running


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/collections",
        f"/collections/{SHOWN}",
        "/search",
        f"/collections/{SHOWN}/items/{SHOWN_IMAGE}",
        f"/collections/{SHOWN}/access",
        "/me",
    ],
)
def test_no_header_changes_an_address(published: Site, path: str) -> None:
    """Links, hrefs of files, the address that signs and the remedies of refusals are those of the operator."""
    answer = published.get(path, headers=FORGED, allow_redirects=False)
    assert "evil" not in answer.text + str(answer.headers)
    assert f"{PUBLIC}/" in answer.text


@pytest.mark.parametrize("path", ["/collections", "/me", "/collections/nothing"])
def test_pages_of_other_sites_get_no_credentials(catalogues: Catalogues, path: str) -> None:
    """A browser may read public answers for any page, but never sends it along with what it holds of the user."""
    answer = catalogues.full.get(path, headers={"Origin": "https://evil.example.net"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
