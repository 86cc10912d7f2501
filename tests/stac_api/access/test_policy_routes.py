"""The public documents about rules: what holds for each collection and when, and nothing of what is hidden."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.licences import Licence
from stac_api.access.policy import PolicySet
from stac_api.access.rule_store import activate
from tests.postgres import forget_rules
from tests.stac_api.invented_catalogue import Site, a_collection, load, serving

KOUROU = {"title": "Kourou", "polygon": [[-53, 5], [-52, 5], [-52, 6], [-53, 6], [-53, 5]], "source": "a guide"}
QUOTA = {
    "unit": "km2",
    "amount": 2500,
    "scope": "user_demand",
    "period": "none",
    "debit_event": "delivery",
    "discretionary": True,
    "source": "a presentation",
}
TARIFF = {"archive_eur_per_km2": 1.4, "minimum_km2": 100, "source": "a guide"}
SIGNED = {"id": "invented", "version": 2}


def a_rule(*collections: str, categories: tuple[str, ...] = ("PUBLIC",), **fields: object) -> dict[str, object]:
    """A rule that shows its collections."""
    document = {"collections": collections, "categories": categories, "visibility": "full", "source": "a presentation"}
    return document | fields


def a_set(identifier: str, begins: str, *rules: dict[str, object]) -> PolicySet:
    """A set that begins at midnight, UTC."""
    document = {
        "id": identifier,
        "valid_from": f"{begins}T00:00:00Z",
        "source_document": "a presentation",
        "approved_by": "a committee",
        "notes": ["The secret collection is a secret."],
        "exclusions": {"kourou": KOUROU},
        "quotas": {"science": QUOTA},
        "tariffs": {"science": TARIFF},
        "rules": rules,
    }
    return PolicySet.model_validate(document)


MEMBERS = a_rule(
    "pleiades",
    categories=("SCI_FR", "PUB_FR"),
    download="member_signed",
    order="tasking",
    licence=SIGNED,
    exclusion="kourou",
    quota="science",
    tariff="science",
)
SETS = [
    a_set("2020", "2020-01-01", a_rule("*", categories=("SCI_FR",))),
    a_set(
        "2024",
        "2024-01-01",
        a_rule("pleiades*"),
        MEMBERS,
        a_rule("open", download="external"),
        a_rule("secret*", visibility="hidden"),
        a_rule("secret*", categories=("SCI_FR",)),
    ),
]
LICENCES = [
    Licence(id="invented", version=number, kind="signed", title="Invented", href="https://example.org", text=text)
    for number, text in enumerate(("Be good.", "Be better."), 1)
]


@pytest.fixture(scope="module")
def ruled(module_database: Database) -> Iterator[Site]:
    """The server over a catalogue with a hidden collection, and rules of two times."""
    pair = {"stereo:mode": ["stereo"], "dinamis:view_collections": ["pleiades"]}
    collections = [
        a_collection("pleiades", "Images", "Images."),
        a_collection("pleiades-stereo", "Pairs", "Pairs.", summaries=pair),
        a_collection("open", "Open", "Open."),
        a_collection("secret-one", "Secret", "Secret."),
    ]
    load(module_database, collections, [])
    forget_rules(module_database)
    with module_database.connect("owner") as connection:
        activate(connection, SETS, LICENCES, by="a test")
    with serving(create_app(ApiSettings(), module_database.conninfo("api"))) as running:
        yield running


def test_rules_in_force_are_public(ruled: Site) -> None:
    """Whoever asks learns which set holds, by which document, and which sets there were."""
    answer = ruled.get("/policies")
    document = answer.json()
    assert document["in_force"]["id"] == "2024"
    assert document["in_force"]["valid"] == ["2024-01-01T00:00:00Z", None]
    assert [each["id"] for each in document["sets"]] == ["2020", "2024"]
    assert document["sets"][0]["valid"] == ["2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]
    assert "public" in answer.headers["cache-control"]
