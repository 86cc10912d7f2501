"""Attack: names with dots, slashes, backslashes, NUL and their spellings, in addresses and in what a source wrote."""

from __future__ import annotations

import pytest

from stac_api.downloads.addresses import asset_named_by
from tests.stac_api.downloads.protected_catalogue import Gate, held_item
from tests.stac_api.invented_catalogue import load

NAMES = [
    "..",
    ".",
    "../pan",
    "..%2Fpan",
    "%2e%2e",
    "%2e%2e%2fpan",
    "..%5cpan",
    "..%255cpan",
    "%252e%252e",
    "pan%00.tif",
    "%00",
    "．．",
    "‥",
    "pan%2F..%2Foverview",
    "%c0%ae%c0%ae",
    "pan%ff",
    "C:%5Cpan",
]

WRITTEN = {
    "DOTS": "../secret.txt",
    "DEEP": "a/../../secret.txt",
    "ABSOLUTE": "/etc/passwd",
    "BACKSLASH": "..\\secret.txt",
    "EMPTY": "",
    "LONG": "x/" * 3000,
}


@pytest.fixture(scope="module")
def written(gate: Gate) -> Gate:
    """The server, whose database holds paths that no honest source writes."""
    (gate.archive.parent / "secret.txt").write_text("secret")
    items = [held_item("members", name, gate.archive.as_uri()) for name in WRITTEN]
    for item, path in zip(items, WRITTEN.values(), strict=True):
        item["private"]["assets"]["pan"][0]["path"] = path
    load(gate.database, [], items)
    return gate


@pytest.mark.parametrize("name", NAMES)
def test_names_in_addresses_are_names(gate: Gate, name: str) -> None:
    """However a name is spelt it names an asset or nothing; the entitled too get nothing by it."""
    for path in (f"/assets/members/IMAGE/{name}", f"/assets/members/{name}/pan", f"/assets/{name}/IMAGE/pan"):
        assert gate.raw_get(path, gate.ada)[0] in (400, 404), path


@pytest.mark.parametrize("name", NAMES)
def test_names_in_addresses_to_sign_are_names(gate: Gate, name: str) -> None:
    """The same spellings get no signature."""
    answer = gate.sign(f"{gate.site.url}/assets/members/IMAGE/{name}", gate.ada)
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("item", WRITTEN)
def test_paths_of_sources_stay_below_their_root(written: Gate, item: str) -> None:
    """Whatever a source wrote for a path, nothing beside its archive is sent."""
    answer = written.get(f"/assets/members/{item}/pan", written.ada)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_address_is_taken_for_what_the_route_takes_it_for() -> None:
    """An address to sign is read as the route reads it: escapes once, and never a slash within a name."""
    base = "https://stac.example.org/api/"
    named = asset_named_by(f"{base}assets/c/I%20J/k%C3%A9", base)
    assert named is not None
    assert (named.collection, named.item, named.key) == ("c", "I J", "ké")
    assert asset_named_by(f"{base}assets/c/I%2FJ/k", base) is None
    assert asset_named_by("https://stac.example.org/assets/c/I/k", base) is None
