"""A catalogue with collections that some see and others do not, and its double from which these are absent.

Whoever may not see the hidden collections must get the same answers from both.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import requests
from psycopg.types.json import Jsonb

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.policy import PolicySet
from stac_api.access.rules.store import activate
from stac_api.downloads.signing_keys import rotate_key
from tests.stac_api.access.invented_people import People
from tests.stac_api.changing_catalogue import PUBLISHED
from tests.stac_api.invented_catalogue import Site, a_collection, an_item, load, serving

#: Everybody sees it and nobody need log in for its files; its images are for members who signed.
SHOWN = "shown-images"
#: Scientists see it; for all others it is as if it were not there.
HIDDEN = "clandestine-images"
#: No rule speaks of it: only operators see it.
UNRULED = "unruled-images"
SHOWN_SETS, HIDDEN_SETS = "sets-of-shown", "sets-of-clandestine"
OPEN = "open-images"

SHOWN_TO_ALL = frozenset({SHOWN, SHOWN_SETS, OPEN})
SHOWN_TO_SCIENCE = SHOWN_TO_ALL | {HIDDEN, HIDDEN_SETS}
EVERYTHING = SHOWN_TO_SCIENCE | {UNRULED}

LICENCE = "invented"

#: Every asset is this file, below a root that each test run makes.
FILE = "image.tif"

#: Of the images; the words that no answer to a stranger may have.
SHOWN_IMAGE, HELD_ELSEWHERE, HIDDEN_IMAGE, SECRET_PLACE = "IMAGE-1", "IMAGE-2", "IMAGE-2-HELD", "IMAGE-3-UNRULED"
SHOWN_PAIR, HIDDEN_PAIR, MIXED_PAIR = "PAIR-1", "PAIR-2", "PAIR-3-UNDECLARED"
WITHDRAWN, WITHDRAWN_HIDDEN = "IMAGE-8-GONE", "IMAGE-9-GONE"
TELLTALE = (HIDDEN, UNRULED, HIDDEN_SETS, HIDDEN_IMAGE, SECRET_PLACE, HIDDEN_PAIR, MIXED_PAIR, WITHDRAWN_HIDDEN)

QUERYABLES = {
    **{name: {"type": "string"} for name in ("title", "platform", "dinamis:held_by", "stereo-img:group")},
    **{
        name: {"type": "number"}
        for name in ("eo:cloud_cover", "stereo-img:count", "stereo-img:number", "stereo:suitability")
    },
    **{name: {"type": "array", "items": {"type": "string"}} for name in ("dinamis:view_collections", "stereo:views")},
}

RULES: dict[str, Any] = {
    "id": "restricted",
    "valid_from": "2020-01-01T00:00:00Z",
    "source_document": "an invented document",
    "approved_by": "the tests",
    "rules": [
        {
            "collections": [SHOWN, SHOWN_SETS, HIDDEN_SETS],
            "categories": ["PUBLIC"],
            "visibility": "metadata",
            "source": "an invented document",
        },
        {
            "collections": [SHOWN, HIDDEN],
            "categories": ["SCI_FR"],
            "visibility": "full",
            "download": "member_signed",
            "licence": {"id": LICENCE, "version": 1},
            "source": "an invented document",
        },
        {
            "collections": [OPEN],
            "categories": ["PUBLIC"],
            "visibility": "full",
            "download": "member",
            "source": "an invented document",
        },
    ],
}


def _link(rel: str, collection: str, item: str) -> dict[str, str]:
    href = f"collections/{collection}/items/{item}"
    return {"rel": rel, "href": href, "type": "application/geo+json", "title": item}


def _image(identifier: str, collection: str, *links: dict[str, str], **properties: Any) -> dict[str, Any]:
    files = {"image": "data", "thumbnail": "thumbnail", "metadata": "metadata"}
    private = {key: [{"root": "", "path": FILE}] for key in files}
    assets = {
        key: {"href": f"assets/{collection}/{identifier}/{key}", "type": "image/tiff", "roles": [role]}
        for key, role in files.items()
    }
    image = an_item(
        identifier, collection, assets=assets, private={"assets": private}, **{"eo:cloud_cover": 10, **properties}
    )
    return {**image, "links": list(links)}


def _pair(identifier: str, collection: str, views: dict[str, str]) -> dict[str, Any]:
    links = [_link("derived_from", place, view) for view, place in views.items()]
    pair = an_item(
        identifier,
        collection,
        **{
            "platform": "pleiades-1a",
            "stereo:mode": "stereo",
            "stereo:views": list(views),
            "dinamis:view_collections": sorted(set(views.values())),
        },
    )
    return {**pair, "links": links}


def _group(name: str) -> dict[str, Any]:
    return {"stereo-img:count": 2, "stereo-img:group": name, "stereo-img:number": 1}


SHOWN_COLLECTIONS = [
    a_collection(
        SHOWN,
        "Shown",
        "Images that everybody sees.",
        item_assets={
            "image": {"title": "The image", "roles": ["data"]},
            "thumbnail": {"title": "A picture of it", "roles": ["thumbnail"]},
        },
    ),
    a_collection(OPEN, "Open", "Images that everybody may have."),
    a_collection(
        SHOWN_SETS, "Sets", "Sets of them.", summaries={"stereo:mode": ["stereo"], "dinamis:view_collections": [SHOWN]}
    ),
]
HIDDEN_COLLECTIONS = [
    a_collection(HIDDEN, "Hidden", "Images that only some see.", keywords=["clandestine"]),
    a_collection(UNRULED, "Unruled", "Images that no rule speaks of."),
    a_collection(
        HIDDEN_SETS,
        "Sets of both",
        "Sets of images of both.",
        summaries={"stereo:mode": ["stereo"], "dinamis:view_collections": [SHOWN, HIDDEN]},
    ),
]
SHOWN_ITEMS = [
    _image(SHOWN_IMAGE, SHOWN, _link("related", SHOWN_SETS, SHOWN_PAIR), **_group(SHOWN_PAIR)),
    _image(HELD_ELSEWHERE, SHOWN, datetime="2023-05-02T10:30:00Z"),
    _image("OPEN-1", OPEN, datetime="2023-05-03T10:30:00Z"),
    _pair(SHOWN_PAIR, SHOWN_SETS, {SHOWN_IMAGE: SHOWN, HELD_ELSEWHERE: SHOWN}),
]
HIDDEN_ITEMS = [
    # The same image as in the double, but it is held, and a view of a set.
    _image(
        HELD_ELSEWHERE,
        SHOWN,
        _link("canonical", HIDDEN, HIDDEN_IMAGE),
        _link("related", HIDDEN_SETS, HIDDEN_PAIR),
        **{"datetime": "2023-05-02T10:30:00Z", "dinamis:held_by": HIDDEN_IMAGE, **_group(HIDDEN_PAIR)},
    ),
    _image(HIDDEN_IMAGE, HIDDEN, _link("alternate", SHOWN, HELD_ELSEWHERE), datetime="2023-05-02T10:30:01Z"),
    _image(SECRET_PLACE, UNRULED, datetime="2023-05-02T10:30:02Z"),
    _pair(HIDDEN_PAIR, HIDDEN_SETS, {HELD_ELSEWHERE: SHOWN, HIDDEN_IMAGE: HIDDEN}),
    # The collection says that it has sets of what everybody sees, and this one is not.
    _pair(MIXED_PAIR, SHOWN_SETS, {SHOWN_IMAGE: SHOWN, HIDDEN_IMAGE: HIDDEN}),
]


@dataclass(frozen=True)
class Catalogues:
    """A catalogue with hidden collections, its double without them, and the people who look at both."""

    full: Site
    double: Site
    headers: dict[str, dict[str, str]]  #: by role: what somebody of it sends to the first

    def answer(self, path: str, role: str = "stranger", method: str = "GET", body: Any = None) -> requests.Response:
        """What somebody gets from the catalogue."""
        return self.full.request(method, path, json=body, headers=self.headers[role], allow_redirects=False)

    def assert_indistinguishable(self, path: str, method: str = "GET", body: Any = None) -> requests.Response:
        """A stranger gets the same from the catalogue as from its double; what he gets."""
        real = self.answer(path, method=method, body=body)
        double = self.double.request(method, path, json=body, allow_redirects=False)
        assert told(real, self.full) == told(double, self.double)
        return real


def told(answer: requests.Response, site: Site) -> tuple[int, dict[str, str], str]:
    """All that an answer tells, without the marks that every answer has of its own."""
    headers = {name.lower(): value.replace(site.url, "") for name, value in answer.headers.items()}
    kept = {name: value for name, value in headers.items() if name not in ("x-request-id", "date", "content-length")}
    text = answer.text.replace(site.url, "").replace(headers["x-request-id"], "")
    return answer.status_code, kept, text


@contextmanager
def restricted_catalogues(full: Database, double: Database, archive: Path) -> Iterator[Catalogues]:
    """Both catalogues, served; the people are in the first."""
    (archive / FILE).write_bytes(b"an image")
    for database in (full, double):
        _begin(database)
    load(double, SHOWN_COLLECTIONS, _archived(SHOWN_ITEMS, archive))
    load(full, [*SHOWN_COLLECTIONS, *HIDDEN_COLLECTIONS], _archived(SHOWN_ITEMS, archive))
    load(full, [], _archived(HIDDEN_ITEMS, archive))
    with full.connect("owner") as connection:
        headers = _people(People(connection))
        rotate_key(connection)
        _queryable(connection, "hidden:property", {"type": "string", "enum": ["clandestine"]}, [HIDDEN])
        connection.execute(
            "INSERT INTO dinamis.tombstone (collection, item, withdrawn_at, reason) VALUES (%s, %s, now(), 'lost')",
            (HIDDEN, WITHDRAWN_HIDDEN),
        )
        for pair in (SHOWN_PAIR, MIXED_PAIR):
            connection.execute("INSERT INTO dinamis.scene (id, created) VALUES (%s, now())", (pair,))
            connection.execute(PUBLISHED, {"id": pair, "collection": SHOWN_SETS, "now": datetime.now(UTC)})
    with (
        serving(create_app(ApiSettings(), full.conninfo("api"))) as one,
        serving(create_app(ApiSettings(), double.conninfo("api"))) as other,
    ):
        yield Catalogues(one, other, headers)


def _archived(items: list[dict[str, Any]], archive: Path) -> list[dict[str, Any]]:
    """The Items with their files where they lie in this run."""
    found = copy.deepcopy(items)
    for item in found:
        for copies in item.get("private", {}).get("assets", {}).values():
            copies[0]["root"] = archive.as_uri()
    return found


def _begin(database: Database) -> None:
    with database.connect("owner") as connection:
        for name, definition in QUERYABLES.items():
            _queryable(connection, name, definition, None)
        People(connection).licence(LICENCE)
        # The history refuses to be emptied; what everybody sees by the rules of other tests is not for these.
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM dinamis.policy_set")
        connection.execute("SET session_replication_role = origin")
        activate(connection, [PolicySet.model_validate(RULES)], by="the tests")
        connection.execute(
            "INSERT INTO dinamis.tombstone (collection, item, withdrawn_at, reason) VALUES (%s, %s, now(), 'lost')",
            (SHOWN, WITHDRAWN),
        )


def _queryable(connection: psycopg.Connection, name: str, definition: Any, collections: list[str] | None) -> None:
    connection.execute(
        "INSERT INTO pgstac.queryables (name, definition, collection_ids) VALUES (%s, %s, %s)",
        (name, Jsonb(definition), collections),
    )


def _people(people: People) -> dict[str, dict[str, str]]:
    """One of each kind: what they send, by the word for them."""
    institute, closed = people.entity("An institute"), people.entity("A closed one", state="suspended")
    scientist, signer, suspended, other, referent, operator, outsider = (
        people.person(name)
        for name in ("scientist", "signer", "suspended", "other", "referent", "operator", "outsider")
    )
    for person in (scientist, signer):
        people.join(person, institute, "SCI_FR")
    people.join(suspended, closed, "SCI_FR")
    people.join(other, institute, "PUB_FR")
    people.join(referent, institute)
    people.sign(signer, institute, LICENCE)
    people.connection.execute("UPDATE dinamis.membership SET role = 'referent' WHERE person = %s", (referent,))
    people.connection.execute("UPDATE dinamis.person SET is_operator = true WHERE id = %s", (operator,))
    keys = {
        "scientist": people.key(scientist),
        "signer": people.key(signer),
        "reader": people.key(signer, scopes=("read",)),
        "suspended": people.key(suspended),
        "other category": people.key(other),
        "referent": people.key(referent),
        "outsider": people.key(outsider),
        "operator": people.key(operator),
    }
    return {"stranger": {}} | {role: {"X-API-Key": str(key)} for role, key in keys.items()}


#: What each role sees.
SEEN = {
    **dict.fromkeys(("stranger", "outsider", "referent", "suspended", "other category"), SHOWN_TO_ALL),
    **dict.fromkeys(("scientist", "signer", "reader"), SHOWN_TO_SCIENCE),
    "operator": EVERYTHING,
}
