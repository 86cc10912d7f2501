"""Attack: count what cannot be listed, by numberMatched, limits, pages and pgSTAC's own settings."""

from __future__ import annotations

import pytest

from tests.stac_api.access.restricted_catalogue import SEEN, Catalogues

EXACT = {"conf": {"context": "on", "context_stats_ttl": "1 second"}}


@pytest.mark.parametrize("role", sorted(SEEN))
def test_counts_are_of_what_is_seen(catalogues: Catalogues, role: str) -> None:
    """A page of one Item tells how many there are to see, not how many there are."""
    whole = catalogues.answer("/search?limit=100", role).json()
    page = catalogues.answer("/search?limit=1", role).json()
    assert page["numberMatched"] == len(whole["features"]) == whole["numberMatched"]
    assert len({each["collection"] for each in whole["features"]} - SEEN[role]) == 0


def test_counts_of_one_reader_are_not_another_ones(catalogues: Catalogues) -> None:
    """PgSTAC remembers counts by condition: an operator who asked before leaves no number behind for a stranger."""
    many = catalogues.answer("/search?limit=3", "operator").json()["numberMatched"]
    few = catalogues.answer("/search?limit=3").json()["numberMatched"]
    assert few < many
    assert catalogues.answer("/search?limit=3", "operator").json()["numberMatched"] == many


def test_settings_of_the_database_are_not_the_clients(catalogues: Catalogues) -> None:
    """A body with `conf` can turn counting on in the stock server; here it changes nothing."""
    answer = catalogues.assert_indistinguishable("/search", "POST", EXACT)
    assert answer.json()["numberMatched"] == len(answer.json()["features"])


@pytest.mark.parametrize(
    "path", ["/collections?limit=1", "/collections?limit=2&offset=2", "/collections?q=clandestine"]
)
def test_collections_are_counted_as_if_the_hidden_were_not_there(catalogues: Catalogues, path: str) -> None:
    """Totals, pages and free text of collections know nothing of hidden ones."""
    catalogues.assert_indistinguishable(path)


def test_pages_have_no_gaps(catalogues: Catalogues) -> None:
    """Who pages through gets full pages: what is hidden between two Items leaves no hole."""
    seen, path = [], "/search?limit=1"
    while path:
        page = catalogues.answer(path.removeprefix(catalogues.full.url)).json()
        assert len(page["features"]) == 1
        seen += [each["id"] for each in page["features"]]
        path = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert len(seen) == len(set(seen)) == page["numberMatched"]
