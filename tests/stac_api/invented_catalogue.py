"""A catalogue of a few invented images in a real pgSTAC, and the real server over it, reached by HTTP."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests
from fastapi import FastAPI
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from database import Database
from tests.emulators import serving as loopback

QUERYABLES = {
    "title": {"type": "string"},
    "mission": {"type": "string"},
    "platform": {"type": "string"},
    "gsd": {"type": "number"},
    "eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100},
    "view:incidence_angle": {"type": "number"},
    "view:off_nadir": {"type": "number"},
    "dinamis:view_collections": {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True)
class Site:
    """A running server, as a client sees it."""

    url: str
    session: requests.Session

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a path, or an absolute link."""
        return self.session.get(self._absolute(path), timeout=20, **options)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        """POST a JSON body."""
        return self.session.post(self._absolute(path), json=body, timeout=20, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any other method."""
        return self.session.request(method, self._absolute(path), timeout=20, **options)

    def ids(self, path: str = "/search", **parameters: Any) -> list[str]:
        """The sorted ids of one page of Items, asked for by GET."""
        return _ids(self.get(path, params=parameters))

    def posted_ids(self, **body: Any) -> list[str]:
        """The sorted ids of one page of Items, asked for by POST."""
        return _ids(self.post("/search", body))

    def _absolute(self, path: str) -> str:
        return path if path.startswith("http") else self.url + path


def _ids(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return sorted(feature["id"] for feature in response.json()["features"])


@contextmanager
def serving(app: FastAPI) -> Iterator[Site]:
    """The application on a free loopback port, shut down at the end."""
    with loopback.serving(app) as url, requests.Session() as session:
        yield Site(url, session)


def square(west: float, south: float, size: float = 1.0) -> dict[str, Any]:
    """A square footprint in degrees."""
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def an_item(identifier: str, collection: str, **properties: Any) -> dict[str, Any]:
    """An Item over Montpellier, unless `west` and `south` say otherwise; `private` goes beside it."""
    west, south = properties.pop("west", 3.0), properties.pop("south", 43.0)
    private = properties.pop("private", None)
    assets = properties.pop("assets", {})
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": identifier,
        "collection": collection,
        "geometry": square(west, south),
        "bbox": [west, south, west + 1, south + 1],
        "properties": {"datetime": "2023-05-01T10:30:00Z", "title": f"Image {identifier}", **properties},
        "links": [],
        "assets": assets,
        **({"private": private} if private else {}),
    }


def a_collection(identifier: str, title: str, description: str, **fields: Any) -> dict[str, Any]:
    """A Collection of the whole world."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": identifier,
        "title": title,
        "description": description,
        "license": "other",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["1986-01-01T00:00:00Z", None]]},
        },
        "links": [{"rel": "license", "href": "https://example.org/licence"}],
        **fields,
    }


@contextmanager
def loader(database: Database) -> Iterator[Loader]:
    """Pypgstac's loader in the harvester's role."""
    with (
        database.connect("harvest", autocommit=True) as connection,
        PgstacDB(connection=connection, commit_on_exit=False) as db,
    ):
        yield Loader(db)


def load(database: Database, collections: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    """Put collections and Items into the catalogue."""
    with loader(database) as into:
        if collections:
            into.load_collections(iter(copy.deepcopy(collections)), Methods.upsert)
        if items:
            into.load_items(iter(copy.deepcopy(items)), Methods.delsert)


def declare_queryables(connection: psycopg.Connection) -> None:
    """Declare the properties that the invented Items have."""
    for name, definition in QUERYABLES.items():
        connection.execute(
            "INSERT INTO pgstac.queryables (name, definition) VALUES (%s, %s)", (name, Jsonb(definition))
        )


COLLECTIONS = [
    a_collection(
        "pleiades",
        "Images Pléiades",
        "Images à très haute résolution du littoral et des villes.",
        keywords=["Pléiades", "mosaïque"],
        language={"code": "fr", "name": "Français"},
        languages=[{"code": "en", "name": "English"}],
        item_assets={"pms": {"title": "Image panchromatique affinée", "roles": ["data"]}},
    ),
    a_collection("spot-6-7", "SPOT 6/7", "Couverture annuelle de la France."),
    a_collection("pleiades-littoral", "Littoral", "Couvertures littorales annuelles."),
    *(a_collection(f"other-{number:02}", f"Autre {number}", "Une collection.") for number in range(12)),
]

ENGLISH = {
    "title": "Pléiades images",
    "description": "Very high resolution images of coasts and cities.",
    "item_assets": {"pms": {"title": "Pansharpened image", "roles": ["data"]}},
}
ENGLISH_QUERYABLES = {"eo:cloud_cover": {"title": "Cloud cover", "description": "Of the largest image."}}


def invented_items(archive: Path) -> list[dict[str, Any]]:
    """The Items of the test catalogue; the files of `CLEAR` lie in `archive`."""
    files = {
        "pms": {"root": archive.as_uri(), "path": "job 1/IMG é.TIF", "media_type": "image/tiff; application=geotiff"},
        "notes": {"root": archive.as_uri(), "path": "job 1/notes.html", "media_type": "text/html"},
        "gone": {"root": archive.as_uri(), "path": "job 1/gone.TIF", "media_type": "image/tiff"},
        "folder": {"root": archive.as_uri(), "path": "job 1", "media_type": "image/tiff"},
        "dots": {"root": (archive / "job 1").as_uri(), "path": "../secret.txt", "media_type": "text/plain"},
        "link": {"root": (archive / "job 1").as_uri(), "path": "out.txt", "media_type": "text/plain"},
        "absolute": {"root": (archive / "job 1").as_uri(), "path": "/etc/passwd", "media_type": "text/plain"},
        "member": {"root": archive.as_uri(), "path": "delivery.zip!/IMG/x.TIF", "media_type": "image/tiff"},
        "remote": {"root": "ftp://example.org/archive", "path": "x.TIF", "media_type": "image/tiff"},
    }
    moved = [
        files["gone"],
        files["member"],
        files["remote"],
        {**files["pms"], "media_type": "image/tiff"},
        files["notes"],
    ]
    assets = {
        key: {"href": f"assets/pleiades/CLEAR/{key}", "type": file["media_type"], "title": key}
        for key, file in files.items()
    }
    assets["wmts"] = {"href": "https://example.org/wmts", "title": "elsewhere"}
    return [
        an_item(
            "CLEAR",
            "pleiades",
            assets=assets,
            private={"assets": {key: [file] for key, file in files.items()} | {"moved": moved}},
            **{
                "eo:cloud_cover": 3,
                "view:incidence_angle": 12.5,
                "view:off_nadir": 11.5,
                "platform": "pleiades-1a",
                "title": "Crémieu 50% d’ombre",
                "dinamis:view_collections": ["pleiades", "pleiades-neo"],
            },
        ),
        an_item(
            "CLOUDY", "pleiades", datetime="2022-01-15T10:00:00Z", **{"eo:cloud_cover": 80, "platform": "pleiades-1b"}
        ),
        an_item(
            "MOSAIC",
            "pleiades-littoral",
            datetime=None,
            start_datetime="2021-01-01T00:00:00Z",
            end_datetime="2021-12-31T23:59:59Z",
            west=-1.5,
            south=46.0,
        ),
        an_item("FIJI-WEST", "spot-6-7", west=178.0, south=-18.5, datetime="2020-06-01T22:00:00Z"),
        an_item("FIJI-EAST", "spot-6-7", west=-180.0, south=-18.5, datetime="2020-06-02T22:00:00Z"),
        an_item("AFRICA", "spot-6-7", west=2.0, south=-18.5, datetime="2020-06-03T10:00:00Z", hidden_price=7),
    ]


def fill(database: Database, archive: Path) -> None:
    """Load the invented catalogue, as the harvester does."""
    with database.connect("owner", autocommit=True) as connection:
        declare_queryables(connection)
    load(database, COLLECTIONS, invented_items(archive))
    with database.connect("harvest", autocommit=True) as connection:
        connection.execute(
            "INSERT INTO dinamis.collection_translation VALUES ('pleiades', 'en', %s, %s)",
            (Jsonb(ENGLISH), Jsonb(ENGLISH_QUERYABLES)),
        )


def problem_of(response: requests.Response) -> dict[str, Any]:
    """The problem document of a refusal, its shape checked."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem: dict[str, Any] = json.loads(response.content)
    assert problem["status"] == response.status_code
    assert {"type", "title", "detail", "code", "description", "request_id"} <= problem.keys()
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["description"] == problem["detail"] != ""
    return problem
