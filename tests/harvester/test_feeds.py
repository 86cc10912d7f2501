"""Feeds: the sources of the collection documents, ready to be harvested, without showing what is secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.collection_documents import default_collections_directory, load_collection_documents
from harvester.credentials import Credentials
from harvester.feeds import deliveries_at, feeds_of
from harvester.sources.registry import OPTIONS
from tests.harvests import documents


def test_every_source_with_an_address_is_a_feed() -> None:
    """The project's documents give feeds named COLLECTION/SOURCE that go to their collection."""
    feeds = feeds_of(documents(), {})
    assert {"airbus-archive-pleiades/oneatlas", "spot-6-7-drs/stac", "spot-6-7-open/openspot"} <= feeds.keys()
    for name, feed in feeds.items():
        assert name == f"{feed.collection}/{feed.source}"
        assert isinstance(feed.options, OPTIONS[feed.kind])
        assert feed.location.startswith("http")
        assert feed.host in feed.location


def test_collection_that_waits_for_deliveries_is_no_feed() -> None:
    """A source without an address only says what the collection takes."""
    assert feeds_of(documents("pleiades"), {}) == {}


def test_credentials_come_from_the_environment_and_are_not_shown() -> None:
    """A key reaches the options of its source, and no representation of the feed."""
    environment = {"DINAMIS_SOURCE_ONEATLAS_API_KEY": "a-long-key"}
    (feed,) = feeds_of(documents("airbus-archive-pleiades"), environment).values()
    assert feed.options.credentials.api_key.get_secret_value() == "a-long-key"
    assert "a-long-key" not in f"{feed!r} {feed.options!r} {feed.location}"


@pytest.mark.parametrize(
    ("collection", "source", "given", "wanted"),
    [
        ("airbus-archive-pleiades-neo", "oneatlas", {}, "DINAMIS_SOURCE_ONEATLAS_API_KEY"),
        ("airbus-archive-pleiades-neo", "oneatlas", {"USER": "me"}, "DINAMIS_SOURCE_ONEATLAS_API_KEY"),
        ("airbus-archive-pleiades-neo", "oneatlas", {"API_KEY": " "}, "DINAMIS_SOURCE_ONEATLAS_API_KEY"),
        ("airbus-archive-pleiades-neo", "oneatlas", {"API_KEY": "hush"}, None),
        ("airbus-archive-pleiades", "oneatlas", {}, None),
        ("radar", "oneatlas-sar", {}, "DINAMIS_SOURCE_ONEATLAS_API_KEY"),
        ("radar", "kalideos", {}, None),
    ],
)
def test_credentials_that_a_source_cannot_do_without_are_wanted(
    collection: str, source: str, given: dict[str, str], wanted: str | None
) -> None:
    """The variables that would give them are named; not where the source is open without them, or names none."""
    environment = {f"DINAMIS_SOURCE_ONEATLAS_{field}": value for field, value in given.items()}
    assert feeds_of(documents(collection), environment)[f"{collection}/{source}"].credentials_wanted == wanted


def test_deliveries_of_the_command_line_go_where_the_documents_say() -> None:
    """A place that is named by hand has no collection, and its password is not shown."""
    feed = deliveries_at("ftp://me:secret@files.example.org/in", Credentials())
    assert (feed.collection, feed.kind, feed.host) == (None, "deliveries", "files.example.org")
    assert feed.location == "ftp://files.example.org/in"
    assert "secret" not in f"{feed!r} {feed.name}"


def test_folder_of_this_machine_has_the_machine_as_host() -> None:
    """Jobs on local folders wait for each other like those of one server."""
    assert deliveries_at("/archive", Credentials()).host == "this machine"


@pytest.mark.parametrize(
    ("source", "url"),
    [("deliveries", "/archive/airbus"), ("deliveries", "file:///archive"), ("stac", "file:///a.ndjson")],
)
def test_source_of_a_document_may_lie_on_this_machine(tmp_path: Path, source: str, url: str) -> None:
    """A folder, or a file of Items, is the address of a source like any other."""
    text = (default_collections_directory() / "pleiades.yaml").read_text("utf-8")
    assert "    - source: deliveries\n" in text
    text = text.replace("    - source: deliveries\n", f"    - source: {source}\n      url: {url}\n")
    (tmp_path / "pleiades.yaml").write_text(text, "utf-8")
    (feed,) = feeds_of(load_collection_documents(tmp_path), {}).values()
    assert (feed.location, feed.host) == (url, "this machine")


def test_relative_path_is_another_place_in_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else what was harvested as `.` would be absent, and withdrawn, after a harvest of `.` somewhere else."""
    (tmp_path / "in").mkdir()
    (tmp_path / "latest").symlink_to("in")
    monkeypatch.chdir(tmp_path)
    assert deliveries_at("latest", Credentials()).location == f"{tmp_path}/latest"
    feed = deliveries_at("in/", Credentials())
    assert (feed.name, feed.location) == (f"deliveries {tmp_path}/in", f"{tmp_path}/in")
    monkeypatch.chdir(tmp_path / "in")
    assert deliveries_at(".", Credentials()).name == feed.name
    assert deliveries_at("../in", Credentials()).name == feed.name
    assert deliveries_at("zip::s3://bucket/a.zip", Credentials()).location == "s3://bucket/a.zip"
    assert deliveries_at("", Credentials()).location == ""
