"""The marks of assets that want a credential: facts of the rules, which are the same for all readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stac_api.access.asset_protection import EXTENSION, AssetProtection
from tests.stac_api.access.restricted_catalogue import HIDDEN, OPEN, SHOWN, SHOWN_IMAGE, Catalogues
from tests.stac_schemas import validator

SCHEMES = ["key", "basic", "signed"]
PATHS = [f"/collections/{SHOWN}/items/{SHOWN_IMAGE}", f"/search?ids={SHOWN_IMAGE}", f"/collections/{SHOWN}"]


def refs(assets: dict[str, Any]) -> dict[str, list[str] | None]:
    """What each asset says of credentials."""
    return {key: asset.get("auth:refs") for key, asset in assets.items()}


def test_protected_assets_name_the_ways_to_have_them(catalogues: Catalogues, schemas: Path) -> None:
    """Images and metadata that strangers may not have are marked, thumbnails that they may have are not."""
    item = catalogues.answer(f"/collections/{SHOWN}/items/{SHOWN_IMAGE}").json()
    assert refs(item["assets"]) == {"image": SCHEMES, "metadata": SCHEMES, "thumbnail": None}
    assert list(item["properties"]["auth:schemes"]) == SCHEMES
    flow = item["properties"]["auth:schemes"]["signed"]["flows"]["authorizationCode"]
    assert flow["authorizationApi"] == f"{catalogues.full.url}/sign"
    validator(schemas)({**item, "stac_extensions": [EXTENSION]})


def test_open_assets_have_no_marks(catalogues: Catalogues) -> None:
    """What everybody may have asks for nothing, and its Item knows no schemes."""
    item = catalogues.answer(f"/collections/{OPEN}/items/OPEN-1").json()
    assert set(refs(item["assets"]).values()) == {None}
    assert "auth:schemes" not in item["properties"]
    assert EXTENSION not in item.get("stac_extensions", [])


def test_collection_says_what_its_items_will(catalogues: Catalogues, schemas: Path) -> None:
    """The assets that a Collection promises are marked as those of its Items."""
    collection = catalogues.answer(f"/collections/{SHOWN}").json()
    assert refs(collection["item_assets"]) == {"image": SCHEMES, "thumbnail": None}
    assert list(collection["auth:schemes"]) == SCHEMES
    validator(schemas)(collection)


@pytest.mark.parametrize("path", [*PATHS, "/collections", "/search?limit=100", "/"])
def test_documents_are_the_same_for_equal_sight(catalogues: Catalogues, path: str) -> None:
    """Who may have an image and who may only see it get the same bytes: rights are told at /me/permissions."""
    assert len({catalogues.answer(path, role).content for role in ("scientist", "signer", "reader")}) == 1
    assert len({catalogues.answer(path, role).content for role in ("stranger", "outsider", "suspended")}) == 1


@pytest.mark.parametrize("path", PATHS)
def test_who_sees_more_gets_the_same_of_what_all_see(catalogues: Catalogues, path: str) -> None:
    """An Item that names nothing hidden is the same for those who see more; a Collection too."""
    assert catalogues.answer(path).content == catalogues.answer(path, "scientist").content


def test_fields_that_were_not_asked_for_do_not_come_back(catalogues: Catalogues) -> None:
    """Without assets nothing is marked, and what is left of an Item gets no extension."""
    body = {"ids": [SHOWN_IMAGE], "fields": {"include": ["id", "properties.title"], "exclude": ["assets"]}}
    (item,) = catalogues.answer("/search", method="POST", body=body).json()["features"]
    assert "auth:schemes" not in item["properties"]
    assert "stac_extensions" not in item


def test_operator_who_opens_all_files_takes_the_marks_away() -> None:
    """With --public-assets there is nothing to log in for."""
    item = {"properties": {}, "assets": {"image": {"href": f"assets/{HIDDEN}/X/image", "roles": ["data"]}}}
    closed, opened = (
        AssetProtection(policies=None, base_url="", schemes={"key": {}}, is_public=each) for each in (False, True)
    )
    assert closed.marked_item(item)["assets"]["image"]["auth:refs"] == ["key"]
    assert opened.marked_item(item) == item
