"""The command `quote`, as somebody types it who wants to know a price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result
from psycopg import Connection
from shapely.geometry import box, mapping

from database import Database
from stac_api.access.policy import PolicySet
from stac_api.access.rules import store as rule_store
from stac_api.quota.area import charged_area_m2
from tests.postgres import PostgresServer
from tests.stac_api.operators import Operator

#: About 890 km².
AREA = box(4, 43, 4.3, 43.33)


@pytest.fixture(scope="module")
def aoi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the area."""
    (file := tmp_path_factory.mktemp("aoi") / "camargue.geojson").write_text(json.dumps(mapping(AREA)), "utf-8")
    return file


@pytest.fixture(scope="module")
def unruled(postgres_server: PostgresServer) -> Iterator[Database]:
    """A catalogue in which no rules are active."""
    with postgres_server.clone() as database:
        with database.connect("owner") as connection:
            for stored in list(rule_store.history(connection)):
                withdrawn(connection, stored.id)
        yield database


def withdrawn(connection: Connection, name: str) -> None:
    """Take a set away as nobody can in earnest: what was in force stays."""
    connection.execute("ALTER TABLE dinamis.policy_set DISABLE TRIGGER ALL")
    connection.execute("DELETE FROM dinamis.policy_set WHERE id = %s", (name,))
    connection.execute("ALTER TABLE dinamis.policy_set ENABLE TRIGGER ALL")


def typed(database: Database, *words: str | Path) -> Result:
    """The outcome of `dinamis quote` and these words."""
    return Operator(database).tries("quote", *words)


def test_a_price_is_told_with_what_is_behind_it(unruled: Database, aoi: Path) -> None:
    """The table has the free part, its document, what it costs when refused, and where the rules come from."""
    result = typed(unruled, "--collection", "airbus-archive-pleiades", "--aoi", aoi, "--at", "2025-01-15")
    assert result.exit_code == 0, result.output
    cents = (Decimal(charged_area_m2(mapping(AREA))) / 1_000_000 * Decimal("1.4")).quantize(Decimal("0.01"))
    assert "To pay: 0.00 €" in result.stdout
    assert f"If the free part is not granted: {cents} €" in result.stdout
    for word in ("DINAMIS presentation 2024/25", "2024-Q2", "not active in the catalogue", "Assumed:"):
        assert word in result.stdout


def test_json_has_every_line(unruled: Database, aoi: Path) -> None:
    """Programs read areas in square metres and amounts as exact texts."""
    words = ("--collection", "pleiades", "--kind", "tasking", "--mode", "stereo", "--category", "SCI_FR")
    result = typed(unruled, *words, "--aoi", aoi, "--available", "0", "--at", "2025-01-15", "--json")
    found = json.loads(result.stdout)
    area = charged_area_m2(mapping(AREA))
    assert found["billable_m2"] == found["enquiry"]["area_m2"] == area
    assert Decimal(found["amount_eur"]) == (Decimal(area) / 1_000_000 * 2).quantize(Decimal("0.01"))
    assert [Decimal(line["amount_eur"]) for line in found["lines"]] == [0, Decimal(found["amount_eur"])]


def test_rules_of_the_catalogue_go_before_those_of_the_files(unruled: Database, aoi: Path) -> None:
    """Once a set is active there, it decides; before its time there is no price."""
    ours = PolicySet.model_validate(
        {
            "id": "ours",
            "valid_from": datetime(2025, 1, 1, tzinfo=UTC),
            "source_document": "minutes",
            "approved_by": "the board",
            "tariffs": {"flat": {"archive_eur_per_km2": "0.5", "source": "minutes"}},
            "rules": [
                {
                    "collections": ["*"],
                    "categories": ["PUB_FR"],
                    "visibility": "full",
                    "order": "archive",
                    "tariff": "flat",
                    "source": "minutes",
                }
            ],
        }
    )
    with unruled.connect("owner") as connection:
        rule_store.activate(connection, [ours], by="test")
    result = typed(unruled, "--collection", "pleiades", "--aoi", aoi, "--at", "2025-01-15", "--json")
    earlier = typed(unruled, "--collection", "pleiades", "--aoi", aoi, "--at", "2024-12-31")
    assert json.loads(result.stdout)["policy_set"] == "ours"
    assert (earlier.exit_code, "No rules were in force" in earlier.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--collection", "sentinel", "--kind", "tasking"), "sentinel"),
        (("--collection", "airbus-archive-pleiades", "--category", "PRIV_OTHER"), "airbus-archive-pleiades"),
        (("--collection", "no-such"), "no-such"),
    ],
)
def test_what_is_not_sold_is_refused_in_one_line(
    postgres_server: PostgresServer, aoi: Path, words: tuple[str, ...], says: str
) -> None:
    """What nobody offers has no price, and the message names it."""
    with postgres_server.clone() as database:
        result = typed(database, *words, "--aoi", aoi)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output
