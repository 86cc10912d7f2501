"""What collection documents expect, held against what runs leave in a real catalogue."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from harvester import runs
from harvester.catalogue.publish import load_queryables
from harvester.collection_documents import CollectionDocument, CollectionDocuments
from harvester.collection_model import Queryable
from harvester.harvest import HarvestContext, Request, harvest
from harvester.runs.expectations import breaches_of
from harvester.runs.history import report_of
from harvester.runs.report import HarvestReport, Outcome
from tests.harvester.invented_source import HELD, Stock, image, stock
from tests.harvests import documents, harvest_context, rows

__all__ = ["stock"]


def expecting(**expected: Any) -> CollectionDocument:
    """The document of the collection with other expectations."""
    (document,) = documents(HELD).values()
    content = document.content.model_copy(
        update={"expect": document.content.expect.model_copy(update={"required": [], **expected})}
    )
    return document.__class__(**{**vars(document), "content": content})


def declaring(**queryables: dict[str, Any]) -> CollectionDocument:
    """The document of the collection with properties that it declares itself."""
    document = expecting()
    declared = {name: Queryable(title=name, **each) for name, each in queryables.items()}
    return replace(document, content=document.content.model_copy(update={"queryables": declared}))


def account(**outcomes: int) -> HarvestReport:
    """The account of a run."""
    counted = Counter({Outcome(name): number for name, number in outcomes.items()})
    return HarvestReport("held", "", datetime(2026, 1, 1, tzinfo=UTC), outcomes=counted)


@pytest.fixture
def three(stock: Stock) -> Stock:
    """A catalogue with three Items."""
    stock.held.records = {str(number): image(number) for number in range(3)}
    stock.harvest()
    return stock


@pytest.mark.parametrize(
    ("expected", "breach"),
    [
        ({"min_items": 4}, "pleiades has 3 Items, at least 4 are expected"),
        ({"max_items": 2}, "pleiades has 3 Items, at most 2 are expected"),
        ({"required": ["platform", "eo:snow_cover"]}, "3 Items of pleiades have no eo:snow_cover"),
        ({"max_refused_share": 0.2}, "1 of 4 records were refused, 20% are expected at most"),
    ],
    ids=["too-few", "too-many", "missing-field", "refused"],
)
def test_breach_is_told_with_its_numbers(three: Stock, expected: dict[str, Any], breach: str) -> None:
    """Each expectation that is not met is one sentence."""
    with psycopg.connect(three.database.conninfo("harvest"), options="-c search_path=pgstac,public") as connection:
        (found,) = breaches_of(connection, expecting(**expected), account(unchanged=3, quarantined=1))
    assert found.startswith(breach)


def tell(stock: Stock, value: Any) -> None:
    """Give one of the Items a value of a property of its own."""
    with stock.database.connect("owner") as connection:
        connection.execute(
            "UPDATE items SET content = jsonb_set(content, '{properties,told:value}', %s)"
            " WHERE id = (SELECT min(id) FROM items)",
            [Jsonb(value)],
        )


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ({"type": "number"}, "about 3"),
        ({"type": "number"}, [3]),
        ({"type": "integer"}, 3_000_000_000),
        ({"type": "integer"}, 2.5),
        ({"type": "string"}, 3),
        ({"type": "string", "format": "date-time"}, "last summer"),
        ({"type": "boolean"}, "yes"),
        ({"type": "array"}, "one"),
    ],
)
def test_property_that_is_not_as_declared_is_told(three: Stock, declared: dict[str, Any], value: Any) -> None:
    """What the author of the document takes a property for is held against the Items that have it."""
    tell(three, value)
    with three.database.connect("harvest") as connection:
        (breach,) = breaches_of(connection, declaring(**{"told:value": declared, "told:absent": declared}), account())
    assert "1 Items of pleiades, such as PHR1A_202108151500000, have a told:value that is no" in breach


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ({"type": "number"}, 3_000_000_000),
        ({"type": "integer"}, -2),
        ({"type": "integer"}, None),
        ({"type": "string", "format": "date-time"}, "2020-01-01T00:00:00.5Z"),
        ({"type": "string", "format": "date"}, "2020-01-01"),
        ({"type": "string", "format": "uri"}, "https://example.org"),
        ({"type": "boolean"}, False),
        ({"type": "array", "items": {"type": "string"}}, []),
    ],
)
def test_property_that_is_as_declared_is_not_told(three: Stock, declared: dict[str, Any], value: Any) -> None:
    """A value of the declared kind can be searched."""
    tell(three, value)
    with three.database.connect("harvest") as connection:
        assert breaches_of(connection, declaring(**{"told:value": declared}), account()) == []
        load_queryables(connection, [declaring(**{"told:value": declared})], "fr")
        looked_for = {"op": "=", "args": [{"property": "told:value"}, value]}
        connection.execute("SELECT search(%s)", [Jsonb({"filter": looked_for, "filter-lang": "cql2-json"})])


def test_met_expectations_are_not_told(three: Stock) -> None:
    """Numbers at their bounds are as expected."""
    document = expecting(min_items=3, max_items=3, required=["platform", "datetime"], max_refused_share=0.25)
    with psycopg.connect(three.database.conninfo("harvest"), options="-c search_path=pgstac,public") as connection:
        assert breaches_of(connection, document, account(unchanged=3, quarantined=1)) == []
        assert breaches_of(connection, document, account()) == []


def test_breach_fails_the_run_and_keeps_what_it_wrote(stock: Stock) -> None:
    """A run that breaches an expectation ends as failed and says which; its Items stay."""
    stock.held.records = {"a": image()}
    given = harvest_context(stock.database, HELD)
    demanding = HarvestContext(
        conninfo=given.conninfo,
        documents=CollectionDocuments([expecting(min_items=5)]),
        sensors=given.sensors,
        language="fr",
    )
    report = harvest(stock.held_feed, demanding, Request())
    assert (report.state, report.exit_code) == ("failed", 1)
    assert report.breaches == ["pleiades has 1 Items, at least 5 are expected"]
    assert rows(stock.database, "SELECT state, error FROM dinamis.run") == [("failed", report.breaches[0])]
    assert rows(stock.database, "SELECT subject FROM dinamis.run_note WHERE kind = 'breach'") == [(report.breaches[0],)]
    assert rows(stock.database, "SELECT count(*) FROM pgstac.items") == [(1,)]


@pytest.mark.parametrize("lost_in", ["end", "stop_finishing"])
def test_end_of_a_run_is_told_once_though_it_is_tried_again(
    three: Stock, monkeypatch: pytest.MonkeyPatch, lost_in: str
) -> None:
    """A connection that is lost while a run ends, or behind its end, doubles nothing of what is told of it."""
    del three.held.records["1"]
    demanding = replace(harvest_context(three.database, HELD), documents=CollectionDocuments([expecting(min_items=5)]))
    do, tries = getattr(runs, lost_in), count(1)

    def lose_the_connection_once(side: psycopg.Connection, *told: Any) -> None:
        do(side, *told)
        if next(tries) == 1:
            side.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(runs, lost_in, lose_the_connection_once)
    report = harvest(three.held_feed, demanding, Request())

    assert (report.state, report.absent, len(report.breaches)) == ("failed", 1, 1)
    with three.database.connect("owner") as connection:
        kept = report_of(connection, report.run or 0)
    assert (kept.state, kept.absent, kept.breaches, kept.error) == ("failed", 1, report.breaches, report.breaches[0])


def test_harvests_that_end_together_are_held_against_it_one_after_the_other(three: Stock) -> None:
    """Both hold the collection against its document, and neither fails for the other."""
    document = expecting(required=["platform", "gsd"])
    rows(three.database, "DELETE FROM dinamis.complete_field RETURNING name")
    with three.database.connect("harvest") as first, ThreadPoolExecutor(1) as other:

        def breaches() -> list[str]:
            with three.database.connect("harvest", autocommit=True) as second:
                return breaches_of(second, document, account(new=1))

        with first.transaction():
            assert breaches_of(first, document, account(new=1)) == []
            found = other.submit(breaches)
            with pytest.raises(TimeoutError):
                found.result(timeout=0.5)
        assert found.result(timeout=30) == []
