"""Every Collection that is served says when it was last harvested with success."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import psycopg
import pystac
import pytest

from database import Database
from stac_api import ApiSettings, create_app
from tests.stac_api.invented_catalogue import Site, a_collection, load, serving

HARVESTED, NEVER = "harvested", "never-harvested"
MOMENT = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
SHOWN = "2026-02-28T23:30:00Z"


@pytest.fixture(scope="module")
def site(module_database: Database) -> Iterator[Site]:
    """A catalogue of two collections of which one was harvested."""
    load(module_database, [a_collection(each, each, "Invented.") for each in (HARVESTED, NEVER)], [])
    note(module_database, MOMENT)
    with serving(create_app(ApiSettings(), module_database.conninfo("api"))) as running:
        yield running


def note(database: Database, moment: datetime) -> None:
    """Write down a harvest, as the harvester does."""
    with psycopg.connect(database.conninfo("harvest")) as connection:
        connection.execute(
            "INSERT INTO dinamis.collection_harvest VALUES (%s, %s)"
            " ON CONFLICT (collection) DO UPDATE SET harvested_at = excluded.harvested_at",
            (HARVESTED, moment),
        )


@pytest.mark.parametrize("path", ["/collections", "/collections?q=harvested", "/collections?limit=2"])
def test_list_and_search_say_when_each_was_harvested(site: Site, path: str) -> None:
    """The list and the search have the time in UTC; a collection that was never harvested has none."""
    shown = {each["id"]: each.get("dinamis:harvested_at") for each in site.get(path).json()["collections"]}
    assert shown == {HARVESTED: SHOWN, NEVER: None}


def test_one_collection_says_when_it_was_harvested(site: Site) -> None:
    """A single Collection has the same time, and is a valid one still."""
    collection = site.get(f"/collections/{HARVESTED}").json()
    assert collection["dinamis:harvested_at"] == SHOWN
    assert pystac.Collection.from_dict(collection).extra_fields["dinamis:harvested_at"] == SHOWN
    assert "dinamis:harvested_at" not in site.get(f"/collections/{NEVER}").json()


def test_fields_may_leave_it_out_or_ask_for_it(site: Site) -> None:
    """The Fields extension treats it like any other field."""
    shown = {each["id"]: each for each in site.get("/collections?fields=id,dinamis:harvested_at").json()["collections"]}
    assert shown[HARVESTED]["dinamis:harvested_at"] == SHOWN
    without = site.get("/collections?fields=-dinamis:harvested_at").json()["collections"]
    assert not any("dinamis:harvested_at" in each for each in without)


def test_next_harvest_is_seen_at_once(site: Site, module_database: Database) -> None:
    """The time is read for each answer, without publishing the Collection anew."""
    later = MOMENT + timedelta(days=1)
    note(module_database, later)
    try:
        assert site.get(f"/collections/{HARVESTED}").json()["dinamis:harvested_at"] == "2026-03-01T23:30:00Z"
    finally:
        note(module_database, MOMENT)
