"""A catalogue whose images are had by signing, by declaring, or not at all, and the rules that say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.policy import PolicySet
from stac_api.access.rules.store import activate_now
from tests.stac_api.access.invented_people import people_of
from tests.stac_api.invented_catalogue import Site, a_collection, an_item, load, serving

#: Signed, in its second version; signed by nobody; accepted with the questionnaire.
MEMBERS, OTHER, OPEN = "uia", "uia-other", "etalab"

_DOCUMENT = "an invented document"


def _rules(version: int) -> list[dict[str, Any]]:
    return [
        {"collections": ["images", "open", "origin"], "categories": ["PUBLIC"], "visibility": "metadata"},
        {
            "collections": ["images", "hidden"],
            "categories": ["SCI_FR", "PRIV_PSP_FR"],
            "visibility": "full",
            "download": "member_signed",
            "order": "both",
            "licence": {"id": MEMBERS, "version": version},
            "exclusion": "base",
            "quota": "science",
        },
        {
            "collections": ["open"],
            "categories": ["PUBLIC"],
            "visibility": "full",
            "download": "questionnaire",
            "licence": {"id": OPEN, "version": 1},
        },
        {"collections": ["origin"], "categories": ["PUBLIC"], "visibility": "full", "download": "external"},
        {"collections": ["pairs"], "categories": ["SCI_FR"], "visibility": "full", "download": "member"},
    ]


def rules(identifier: str = "2025-Q1", version: int = 2) -> PolicySet:
    """The rules, which ask for a version of the licence of members."""
    document = {
        "id": identifier,
        "valid_from": "2020-01-01T00:00:00Z",
        "source_document": _DOCUMENT,
        "approved_by": "the tests",
        "exclusions": {
            "base": {
                "title": "A launch base",
                "polygon": [[-53, 5], [-52, 5], [-52, 6], [-53, 6], [-53, 5]],
                "source": _DOCUMENT,
            }
        },
        "quotas": {
            "science": {
                "unit": "km2",
                "amount": "2500",
                "scope": "user_demand",
                "period": "none",
                "debit_event": "delivery",
                "discretionary": True,
                "source": _DOCUMENT,
            }
        },
        # Of two rules that are as close, the first decides: what is more goes before what is less.
        "rules": [{**rule, "source": _DOCUMENT} for rule in reversed(_rules(version))],
    }
    return PolicySet.model_validate(document)


_PAIRS = {"stereo:mode": ["stereo"], "dinamis:view_collections": ["images"]}
COLLECTIONS = [
    *(a_collection(name, name.title(), "Images.") for name in ("images", "hidden", "open", "origin")),
    a_collection("pairs", "Pairs", "Pairs.", summaries=_PAIRS),
]
ITEMS = [
    an_item("IMAGE", "images"),
    an_item("BASE", "images", west=-52.5, south=5.5),
    an_item("HIDDEN", "hidden"),
    an_item("OPEN", "open"),
]


@contextmanager
def licensed_catalogue(database: Database, *issuers: str) -> Iterator[Site]:
    """The catalogue, its rules and licences, served with logins of these providers."""
    load(database, COLLECTIONS, ITEMS)
    with people_of(database) as people:
        for version in (1, 2):
            people.licence(MEMBERS, version)
        people.licence(OTHER)
        people.licence(OPEN, kind="click")
        activate_now(people.connection, rules(), by="the tests")
    settings = ApiSettings(oidc_issuers=issuers)
    with serving(create_app(settings, database.conninfo("api"))) as running:
        yield running
