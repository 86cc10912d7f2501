"""Every route of the API, asked by everybody for what he sees and for what he does not: a route missing here fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from stac_api import ApiSettings, create_app
from stac_api.access.guards import UnguardedRoute, all_routes, guard_all_routes
from tests.stac_api.access.restricted_catalogue import (
    EVERYTHING,
    HIDDEN,
    HIDDEN_IMAGE,
    HIDDEN_PAIR,
    HIDDEN_SETS,
    LICENCE,
    MIXED_PAIR,
    OPEN,
    SECRET_PLACE,
    SEEN,
    SHOWN,
    SHOWN_IMAGE,
    SHOWN_PAIR,
    SHOWN_SETS,
    UNRULED,
    Catalogues,
    told,
)

ABSENT = "absent-images"
NO_ITEM = "IMAGE-0"
ITEM_OF = {
    SHOWN: SHOWN_IMAGE,
    OPEN: "OPEN-1",
    SHOWN_SETS: SHOWN_PAIR,
    HIDDEN: HIDDEN_IMAGE,
    UNRULED: SECRET_PLACE,
    HIDDEN_SETS: HIDDEN_PAIR,
}
ROLES = sorted(SEEN)


@dataclass(frozen=True)
class OfCollection:
    """Told of one collection to those who see it; to others it is as if it were not there."""

    path: str
    of_sets_alone: bool = False  #: images have no such thing, whoever asks

    def status(self, collection: str) -> int:
        """What somebody gets who sees the collection."""
        return 404 if self.of_sets_alone and collection not in (SHOWN_SETS, HIDDEN_SETS) else 200


@dataclass(frozen=True)
class Listing:
    """Told of all collections that somebody sees."""

    path: str
    body: Any = None


@dataclass(frozen=True)
class SameForAll:
    """One answer, whoever asks."""

    path: str
    status: int = 200


@dataclass(frozen=True)
class Personal:
    """Only for who has logged in."""

    path: str
    body: Any = None


@dataclass(frozen=True)
class OfAsset:
    """Given out by the rules of download: held against `FILES` below."""

    path: str
    body: Any = None


Row = OfCollection | Listing | SameForAll | Personal | OfAsset

_ONE = "/collections/{collection}"
_ITEM = "/collections/{collection}/items/{item}"
_ASSET = "/assets/{collection}/{item}/{asset}"
_NOBODY = "00000000-0000-0000-0000-000000000000"
_LICENCE = f"/licenses/{LICENCE}/1"

TABLE: Mapping[tuple[str, str], Row] = {
    ("GET", "/collections/{collection_id}"): OfCollection(_ONE),
    ("GET", "/collections/{collection_id}/items"): OfCollection(f"{_ONE}/items"),
    ("GET", "/collections/{collection_id}/items/{item_id}"): OfCollection(_ITEM),
    ("GET", "/collections/{collection_id}/items/{item_id}/stereo"): OfCollection(f"{_ITEM}/stereo"),
    ("GET", "/collections/{collection_id}/items/{item_id}/stereo/overview.png"): OfCollection(
        f"{_ITEM}/stereo/overview.png", of_sets_alone=True
    ),
    ("GET", "/collections/{collection_id}/queryables"): OfCollection(f"{_ONE}/queryables"),
    ("GET", "/collections/{collection_id}/changes"): OfCollection(f"{_ONE}/changes"),
    ("GET", "/collections/{collection_id}/access"): OfCollection(f"{_ONE}/access"),
    ("GET", "/collections/{collection_id}/quota"): OfCollection(f"{_ONE}/quota"),
    ("GET", "/"): Listing("/"),
    ("GET", "/collections"): Listing("/collections"),
    ("GET", "/search"): Listing("/search"),
    ("POST", "/search"): Listing("/search", {"limit": 100}),
    ("GET", "/queryables"): Listing("/queryables"),
    ("GET", "/stereo/search"): Listing("/stereo/search"),
    ("POST", "/stereo/search"): Listing("/stereo/search", {}),
    ("GET", "/openapi.json"): SameForAll("/openapi.json"),
    ("GET", "/conformance"): SameForAll("/conformance"),
    ("GET", "/healthz"): SameForAll("/healthz"),
    ("GET", "/api.html"): SameForAll("/api.html"),
    ("GET", "/extensions/{name}/{version}/schema.json"): SameForAll("/extensions/stereo/v1.0.0/schema.json"),
    ("GET", "/policies"): Listing("/policies"),
    ("GET", "/policies/{policy_set_id}"): Listing("/policies/restricted"),
    ("GET", "/licenses/{licence_id}/{version}"): SameForAll(_LICENCE),
    ("GET", "/eligibility"): SameForAll(f"/eligibility?collection={SHOWN}&category=SCI_FR"),
    ("GET", "/assets/{collection_id}/{item_id}/{asset_key}"): OfAsset(_ASSET),
    ("HEAD", "/assets/{collection_id}/{item_id}/{asset_key}"): OfAsset(_ASSET),
    ("POST", "/sign"): OfAsset("/sign", {"href": _ASSET}),
    ("POST", "/sign_urls"): OfAsset("/sign_urls", {"urls": [_ASSET]}),
    ("GET", "/me"): Personal("/me"),
    ("DELETE", "/me"): Personal("/me"),
    ("GET", "/me/permissions"): OfCollection("/me/permissions?collection={collection}&item={item}"),
    ("GET", "/me/quotas"): Personal("/me/quotas"),
    ("GET", "/me/export"): Personal("/me/export"),
    ("GET", "/me/transfers"): Personal("/me/transfers"),
    ("GET", "/me/api-keys"): Personal("/me/api-keys"),
    ("POST", "/me/api-keys"): Personal("/me/api-keys", {}),
    ("DELETE", "/me/api-keys/{key_id}"): Personal("/me/api-keys/000000000000"),
    ("POST", "/licenses/{licence_id}/{version}/signatures"): Personal(f"{_LICENCE}/signatures", {}),
    ("POST", "/licenses/{licence_id}/{version}/transfers"): Personal(f"{_LICENCE}/transfers", {}),
    ("POST", "/licenses/{licence_id}/{version}/transfers/{transfer_id}/signatures"): Personal(
        f"{_LICENCE}/transfers/{_NOBODY}/signatures", {}
    ),
    ("GET", "/entities"): SameForAll("/entities"),
    ("GET", "/entities/{entity_id}"): SameForAll(f"/entities/{_NOBODY}", 404),
    ("POST", "/entities/applications"): Personal("/entities/applications", {}),
    ("GET", "/entities/{entity_id}/applications"): Personal(f"/entities/{_NOBODY}/applications"),
    ("GET", "/accounts/applications"): Personal("/accounts/applications"),
    ("POST", "/accounts/applications"): Personal("/accounts/applications", {}),
    **{
        ("POST", f"/accounts/applications/{{application_id}}/{deed}"): Personal(
            f"/accounts/applications/{_NOBODY}/{deed}", {}
        )
        for deed in ("validate", "confirm", "refuse")
    },
    ("POST", "/open-data/declarations"): SameForAll("/open-data/declarations", 400),
}


def _rows(kind: type[Row]) -> list[Any]:
    found = [(method, row) for (method, _), row in TABLE.items() if isinstance(row, kind)]
    return [pytest.param(method, row, id=f"{method} {row.path}") for method, row in found]


def operations(app: FastAPI) -> set[tuple[str, str]]:
    """The methods and paths that an application answers."""
    routes = [route for route in all_routes(app.router.routes) if isinstance(route, APIRoute)]
    return {(method, route.path) for route in routes for method in route.methods or ()}


def test_every_route_is_in_the_table() -> None:
    """A route that is added, or goes, is missing here, or too much: write down what everybody gets from it."""
    assert operations(create_app(ApiSettings(), "host=/nowhere")) == TABLE.keys()


async def nothing() -> None:
    """What an invented route answers."""


def test_route_without_a_guard_is_not_served() -> None:
    """An application with a route that nobody wrote down does not start, and says where to write it."""
    app = create_app(ApiSettings(), "host=/nowhere")
    router = APIRouter()
    router.add_api_route("/catalogue/{collection_id}", nothing, methods=["GET"])
    app.include_router(router)
    with pytest.raises(UnguardedRoute, match=r"guards\.py .* /catalogue/\{collection_id\}"):
        guard_all_routes(app)


def test_route_below_a_collection_is_guarded_unasked() -> None:
    """What is added below the path of a collection has its guard, without anybody thinking of it."""
    app = create_app(ApiSettings(), "host=/nowhere")
    app.add_api_route("/collections/{collection_id}/news", nothing, methods=["GET"])
    guard_all_routes(app)
    added = next(each for each in all_routes(app.router.routes) if getattr(each, "path", "").endswith("/news"))
    assert isinstance(added, APIRoute)
    assert added.dependencies


def answered_as_absent(catalogues: Catalogues, role: str, method: str, path: str, place: tuple[str, str]) -> bool:
    """Whether an Item, or its collection, is answered as one that there is not."""
    absent = (ABSENT if place[0] != SHOWN_SETS else SHOWN_SETS, NO_ITEM)
    answers = [
        _without_names(catalogues, role, method, path.format(collection=collection, item=item), (collection, item))
        for collection, item in (place, absent)
    ]
    return answers[0][0] == 404 and answers[0] == answers[1]


def _without_names(
    catalogues: Catalogues, role: str, method: str, path: str, names: tuple[str, str]
) -> tuple[int, dict[str, str], str]:
    status, headers, text = told(catalogues.answer(path, role, method), catalogues.full)
    for name in names:
        text = text.replace(name, "…")
    return status, headers, text


#: Drawing pictures takes long; whose rights make a difference is asked by all other routes.
DRAWN_FOR = ("stranger", "scientist", "operator")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "row"), [each for each in _rows(OfCollection) if not each.values[1].of_sets_alone])
def test_collection_is_told_of_to_those_who_see_it(
    catalogues: Catalogues, method: str, row: OfCollection, role: str
) -> None:
    """Who sees a collection gets the answer; to others it differs in nothing from one that is not there."""
    for collection, item in ITEM_OF.items():
        if collection in SEEN[role]:
            path = row.path.format(collection=collection, item=item)
            assert catalogues.answer(path, role, method).status_code == row.status(collection), path
        else:
            assert answered_as_absent(catalogues, role, method, row.path, (collection, item)), collection


@pytest.mark.parametrize("role", DRAWN_FOR)
@pytest.mark.parametrize(("method", "row"), [each for each in _rows(OfCollection) if each.values[1].of_sets_alone])
def test_picture_of_a_set_is_for_those_who_see_it(
    catalogues: Catalogues, method: str, row: OfCollection, role: str
) -> None:
    """Images have no such picture, and sets that are not seen have none either."""
    test_collection_is_told_of_to_those_who_see_it(catalogues, method, row, role)


@pytest.mark.parametrize("role", DRAWN_FOR)
@pytest.mark.parametrize(("method", "row"), [each for each in _rows(OfCollection) if "{item}" in each.values[1].path])
def test_set_with_a_hidden_view_is_not_told_of(
    catalogues: Catalogues, method: str, row: OfCollection, role: str
) -> None:
    """A set in a collection that all see, one of whose views not all see, is there for those who see the views."""
    if HIDDEN in SEEN[role]:
        path = row.path.format(collection=SHOWN_SETS, item=MIXED_PAIR)
        assert catalogues.answer(path, role, method).status_code == 200
    else:
        assert answered_as_absent(catalogues, role, method, row.path, (SHOWN_SETS, MIXED_PAIR))


def places_told(answer: requests.Response) -> set[str]:
    """The collections and Items of the catalogue that an answer names in any way."""
    assert answer.status_code == 200, answer.text
    names = {*ITEM_OF, *ITEM_OF.values(), MIXED_PAIR, "hidden:property"}
    return {name for name in names if name in answer.text}


def unseen_names(role: str) -> set[str]:
    """The names that nobody of a role may come across."""
    hidden = {name for place in EVERYTHING - SEEN[role] for name in (place, ITEM_OF[place])}
    return hidden | ({MIXED_PAIR, "hidden:property"} if HIDDEN in hidden else set())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "row"), _rows(Listing))
def test_listings_name_what_is_seen(catalogues: Catalogues, method: str, row: Listing, role: str) -> None:
    """No name of what is hidden is anywhere in an answer; what is seen is there, and counted."""
    answer = catalogues.answer(row.path, role, method, row.body)
    assert not places_told(answer) & unseen_names(role)
    if row.path in ("/", "/collections"):
        assert places_told(answer) >= SEEN[role]
    if row.path == "/search":
        page = answer.json()
        assert {each["collection"] for each in page["features"]} == SEEN[role]
        assert page["numberMatched"] == page["numberReturned"] == len(page["features"])


@pytest.mark.parametrize(("method", "row"), _rows(SameForAll))
def test_public_answers_are_the_same_for_all(catalogues: Catalogues, method: str, row: SameForAll) -> None:
    """Whoever asks, the bytes are the same."""
    answers = [catalogues.answer(row.path, role, method, {} if method == "POST" else None) for role in ROLES]
    assert {each.status_code for each in answers} == {row.status}
    assert len({told(each, catalogues.full)[2] for each in answers}) == 1


@pytest.mark.parametrize(("method", "row"), _rows(Personal))
def test_personal_answers_want_a_login(catalogues: Catalogues, method: str, row: Personal) -> None:
    """A stranger is told to log in, and the answer says how, whatever he asks for."""
    answer = catalogues.answer(row.path, method=method, body=row.body)
    assert answer.status_code == 401, answer.text
    assert "Basic" in answer.headers["www-authenticate"]
    assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "stranger"])
@pytest.mark.parametrize(("method", "row"), [each for each in _rows(Personal) if each.values[0] == "GET"])
def test_personal_answers_are_kept_by_no_cache(catalogues: Catalogues, method: str, row: Personal, role: str) -> None:
    """Who has logged in gets his own, or is told why not; no cache may keep it."""
    answer = catalogues.answer(row.path, role, method)
    assert answer.status_code in (200, 403, 404), answer.text
    assert (answer.status_code == 200) is (row.path in OWN and not _lacks_scope(role, row.path))
    assert answer.headers["cache-control"] == "private, no-store"
    assert "X-API-Key" in answer.headers["vary"]


#: What everybody may ask with a key.
OWN = frozenset({"/me", "/me/quotas", "/me/export", "/me/transfers", "/me/api-keys"})


def _lacks_scope(role: str, path: str) -> bool:
    return role == "reader" and path in ("/me/export", "/me/api-keys", "/me/transfers")


#: Who gets a file: by the role of the asset and that of who asks. What is not named is 404, as if it were not there.
FILES: Mapping[tuple[str, str], Mapping[str, int]] = {
    (SHOWN, "thumbnail"): dict.fromkeys(ROLES, 200),
    (SHOWN, "metadata"): {
        **dict.fromkeys(ROLES, 403),
        **dict.fromkeys(("scientist", "signer", "reader", "operator"), 200),
        "stranger": 401,
    },
    (SHOWN, "image"): {**dict.fromkeys(ROLES, 403), "stranger": 401, "signer": 200},
    (OPEN, "image"): {**dict.fromkeys(ROLES, 200), "reader": 403},
    (HIDDEN, "thumbnail"): dict.fromkeys(("scientist", "signer", "reader", "operator"), 200),
    (HIDDEN, "image"): {**dict.fromkeys(("scientist", "reader", "operator"), 403), "signer": 200},
    (UNRULED, "thumbnail"): {"operator": 200},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "row"), _rows(OfAsset))
def test_files_are_given_out_by_the_rules(catalogues: Catalogues, method: str, row: OfAsset, role: str) -> None:
    """Each file to those who may have it; to who may not know of it the answer is that of a file that is not there."""
    for (collection, asset), statuses in FILES.items():
        answer = asked_for_file(catalogues, method, row, role, (collection, ITEM_OF[collection], asset))
        assert answer[0] == statuses.get(role, 404), (collection, asset, answer)
        if role not in statuses:
            assert answer == asked_for_file(catalogues, method, row, role, (ABSENT, NO_ITEM, asset))


def asked_for_file(catalogues: Catalogues, method: str, row: OfAsset, role: str, name: tuple[str, str, str]) -> Any:
    """What is told of a file, with its name left out."""
    address = _ASSET.format(collection=name[0], item=name[1], asset=name[2])
    body = row.body and {
        key: [catalogues.full.url + address] if isinstance(value, list) else catalogues.full.url + address
        for key, value in row.body.items()
    }
    path = row.path.format(collection=name[0], item=name[1], asset=name[2])
    status, headers, text = told(catalogues.answer(path, role, method, body), catalogues.full)
    return status, headers, text.replace(address, "…")
