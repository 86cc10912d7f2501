"""An invented catalogue whose files are given out by rules, the people who ask for them, and the server over it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from uuid import UUID

import numpy as np
import rasterio
import requests
from fastapi import FastAPI
from psycopg.rows import dict_row
from rasterio import Affine

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.credentials.api_keys import ApiKey
from stac_api.access.credentials.declaration_tokens import new_token
from stac_api.access.policy import LicenceRef, PolicySet
from stac_api.access.rules.store import activate_now
from stac_api.downloads.record import DownloadRecord
from stac_api.downloads.signing_keys import SigningKeys
from tests.stac_api.access.invented_people import people_of
from tests.stac_api.invented_catalogue import Site, a_collection, an_item, load, serving

PIXELS = 600
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
LICENCE = {"id": "uia", "version": 1}
OPEN_LICENCE = {"id": "etalab", "version": 2}

PAN = "/assets/members/IMAGE/pan"
THUMBNAIL = "/assets/members/IMAGE/thumbnail"
OVERVIEW = "/assets/members/IMAGE/overview"
METADATA = "/assets/members/IMAGE/metadata"
EXCLUDED = "/assets/members/LAUNCH-PAD/pan"
OPEN = "/assets/open-data/ORTHO/pan"
HIDDEN = "/assets/hidden/SECRET/thumbnail"

_RULES: dict[str, Any] = {
    "id": "invented",
    "valid_from": "2001-01-01T00:00:00Z",
    "source_document": "the tests",
    "approved_by": "the tests",
    "exclusions": {
        "pad": {
            "title": "A launch pad",
            "polygon": [[-53, 5], [-52, 5], [-52, 6], [-53, 6], [-53, 5]],
            "source": "the tests",
        }
    },
    "rules": [
        {"collections": ["members"], "categories": ["PUBLIC"], "visibility": "metadata", "source": "the tests"},
        {
            "collections": ["members"],
            "categories": ["SCI_FR"],
            "visibility": "full",
            "download": "member_signed",
            "licence": LICENCE,
            "exclusion": "pad",
            "source": "the tests",
        },
        {
            "collections": ["open-data"],
            "categories": ["PUBLIC"],
            "visibility": "full",
            "download": "questionnaire",
            "licence": OPEN_LICENCE,
            "source": "the tests",
        },
        {
            "collections": ["elsewhere"],
            "categories": ["PUBLIC"],
            "visibility": "full",
            "download": "external",
            "source": "the tests",
        },
    ],
}


@dataclass(frozen=True)
class Holder:
    """Somebody with a key."""

    person: UUID
    entity: UUID
    key: ApiKey
    reading_key: ApiKey  #: which is for reading the catalogue alone

    @property
    def headers(self) -> dict[str, str]:
        """The credential as a header."""
        return {"X-API-Key": str(self.key)}


@dataclass
class Gate:
    """The running server and who comes to it."""

    site: Site
    app: FastAPI
    database: Database
    archive: Path
    ada: Holder  #: a scientist who signed the licence
    bob: Holder  #: a scientist who did not
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, holder: Holder | None = None, **options: Any) -> requests.Response:
        """GET as somebody, or as nobody; redirects are not followed."""
        return self.request("GET", path, holder, **options)

    def request(self, method: str, path: str, holder: Holder | None = None, **options: Any) -> requests.Response:
        """Any method, as somebody or as nobody; redirects are not followed."""
        headers = {**(holder.headers if holder else {}), **options.pop("headers", {})}
        url = path if path.startswith("http") else self.site.url + path
        return self.session.request(method, url, headers=headers, timeout=20, allow_redirects=False, **options)

    def raw_get(self, target: str, holder: Holder) -> tuple[int, bytes]:
        """GET a request target as it is: no client tidies the dots away."""
        connection = http.client.HTTPConnection(urlsplit(self.site.url).netloc, timeout=20)
        try:
            connection.putrequest("GET", quote(target, safe="/%"), skip_accept_encoding=True)
            for name, value in holder.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def sign(self, path: str, holder: Holder | None = None, **body: Any) -> requests.Response:
        """POST to /sign; a path is completed to the address of this server."""
        href = path if not path.startswith("/assets/") else self.site.url + path
        return self.request("POST", "/sign", holder, json={"href": href, **body})

    def signed(self, path: str, holder: Holder, **body: Any) -> str:
        """A signed address."""
        answer = self.sign(path, holder, **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["href"])

    def forget(self) -> None:
        """Let the server forget what it has recorded, as another process of it knows nothing of that."""
        self.app.state.download_record = DownloadRecord()
        self.app.state.signing_keys = SigningKeys()

    def declaration(self, licence: str, version: int) -> dict[str, str]:
        """The credential of somebody who answered the questionnaire for a licence."""
        with self.database.connect("owner") as connection:
            row = connection.execute("SELECT kid, secret FROM dinamis.signing_key WHERE retired_at IS NULL").fetchone()
        assert row is not None
        token, _ = new_token([LicenceRef(id=licence, version=version)], row[0], bytes(row[1]))
        return {"Authorization": f"Bearer {token}"}

    def events(self) -> list[dict[str, Any]]:
        """The record of downloads, the earliest first."""
        with self.database.connect("owner") as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute("SELECT * FROM dinamis.download_event ORDER BY id").fetchall()


def changed_query(address: str, **changes: str) -> str:
    """The address with other values in its query; an empty value takes a parameter away."""
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return parts._replace(query=urlencode({name: value for name, value in query.items() if value})).geturl()


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def write_archive(folder: Path) -> None:
    """A COG whose pixels are the numbers of their rows, and the small files beside it."""
    profile = {"driver": "COG", "width": PIXELS, "height": PIXELS, "count": 1, "dtype": "uint16", "crs": "EPSG:32631"}
    with rasterio.open(folder / "pan.tif", "w", transform=Affine(2, 0, 500000, 0, -2, 4800000), **profile) as image:
        image.write(np.tile(np.arange(PIXELS, dtype="uint16")[:, None], (1, PIXELS)), 1)
    for name in ("thumbnail.jpg", "overview.jpg"):
        (folder / name).write_bytes(name.encode() * 10)
    (folder / "metadata.xml").write_text("<Dimap_Document/>")


def held_item(collection: str, item: str, root: str, **properties: Any) -> dict[str, Any]:
    """An Item with one asset of each kind, whose files lie at a root."""
    kinds = {
        "pan": ("pan.tif", COG_TYPE, ["data"]),
        "thumbnail": ("thumbnail.jpg", "image/jpeg", ["thumbnail"]),
        "overview": ("overview.jpg", "image/jpeg", ["overview"]),
        "metadata": ("metadata.xml", "application/xml", ["metadata"]),
    }
    assets = {
        key: {"href": f"assets/{collection}/{item}/{key}", "type": media_type, "roles": roles, "title": key}
        for key, (_, media_type, roles) in kinds.items()
    }
    places = {
        key: [{"root": root, "path": path, "media_type": media_type}] for key, (path, media_type, _) in kinds.items()
    }
    return an_item(item, collection, assets=assets, private={"assets": places}, **properties)


def _items(archive: Path) -> list[dict[str, Any]]:
    root = archive.as_uri()
    remote = an_item(
        "SCENE",
        "elsewhere",
        assets={"data": {"href": "https://hub.example.org/scene.zip", "type": "application/zip", "roles": ["data"]}},
    )
    # Its role is kept with the Collection alone: pgSTAC stores nothing twice.
    sketched = held_item("members", "SKETCHED", root)
    sketched["assets"]["sketch"] = {
        "href": "assets/members/SKETCHED/sketch",
        "roles": ["overview"],
        "title": "A sketch",
    }
    sketched["private"]["assets"]["sketch"] = sketched["private"]["assets"]["overview"]
    return [
        sketched,
        held_item("members", "IMAGE", root),
        held_item("members", "AGAIN", root),
        held_item("members", "LAUNCH-PAD", root, west=-52.5, south=5.5),
        held_item("open-data", "ORTHO", root),
        held_item("hidden", "SECRET", root),
        held_item("elsewhere", "COPY", root),
        remote,
    ]


@contextmanager
def guarded(database: Database, archive: Path, **settings: Any) -> Iterator[Gate]:
    """The server over the invented catalogue."""
    ada, bob = protect(database, archive)
    app = create_app(ApiSettings(**settings), database.conninfo("api"))
    with serving(app) as site:
        yield Gate(site, app, database, archive, ada, bob)


def protect(database: Database, archive: Path) -> tuple[Holder, Holder]:
    """Fill a database with the invented catalogue over the files of a directory, its people and its rules.

    Returns:
        A scientist who signed the licence, and one who did not.
    """
    collections = [
        a_collection(each, each, each, item_assets={"sketch": {"roles": ["overview"], "title": "A sketch"}})
        for each in ("members", "open-data", "hidden", "elsewhere")
    ]
    load(database, collections, _items(archive))
    with people_of(database) as people:
        people.licence("uia")
        people.licence("etalab", 2, kind="click")
        laboratory = people.entity("Laboratory")
        ada, bob = (_holder(people, name, laboratory) for name in ("ada", "bob"))
        people.sign(ada.person, laboratory, "uia")
    with database.connect("owner") as connection:
        activate_now(connection, PolicySet.model_validate(_RULES), by="the tests")
    return ada, bob


def _holder(people: Any, name: str, entity: UUID) -> Holder:
    person = people.person(name)
    people.join(person, entity, "SCI_FR")
    return Holder(person, entity, people.key(person), people.key(person, scopes=("read",)))
