"""Who gets which file: by the rules in force, by the role of the asset, and with the reason when not."""

from __future__ import annotations

import pytest
import requests

from stac_api import ApiSettings, create_app
from stac_api.access.authorize import Action
from stac_api.downloads.held_assets import action_of
from tests.stac_api.downloads.protected_catalogue import (
    EXCLUDED,
    HIDDEN,
    METADATA,
    OPEN,
    OVERVIEW,
    PAN,
    THUMBNAIL,
    Gate,
    Holder,
)
from tests.stac_api.invented_catalogue import problem_of, serving


def _holder(gate: Gate, name: str) -> Holder | None:
    return {"ada": gate.ada, "bob": gate.bob}.get(name)


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("nobody", THUMBNAIL, 200),
        ("nobody", OVERVIEW, 401),
        ("nobody", METADATA, 401),
        ("nobody", PAN, 401),
        ("bob", THUMBNAIL, 200),
        ("bob", OVERVIEW, 200),
        ("bob", METADATA, 200),
        ("bob", PAN, 403),
        ("ada", OVERVIEW, 200),
        ("ada", PAN, 200),
        ("ada", EXCLUDED, 403),
        ("ada", EXCLUDED.replace("pan", "overview"), 200),
        ("ada", HIDDEN, 404),
        ("nobody", HIDDEN, 404),
        ("ada", OPEN, 403),
        ("nobody", OPEN, 403),
        ("nobody", OPEN.replace("pan", "metadata"), 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_files_are_for_whom_the_rules_say(gate: Gate, method: str, who: str, path: str, status: int) -> None:
    """Thumbnails go with the metadata, overviews and vendor's documents with full sight, images with the licence."""
    assert gate.request(method, path, _holder(gate, who)).status_code == status


def test_roles_that_only_the_collection_says_count(gate: Gate) -> None:
    """PgSTAC keeps with the Collection what an asset has in common with its item_assets; the role is found there."""
    with gate.database.connect("owner") as connection:
        (stored,) = connection.execute(
            "SELECT content -> 'assets' -> 'sketch' FROM pgstac.items WHERE id = 'SKETCHED'"
        ).fetchall()[0]
    assert "roles" not in stored
    sketch = "/assets/members/SKETCHED/sketch"
    assert [gate.get(sketch, who).status_code for who in (None, gate.bob)] == [401, 200]


def test_picture_of_a_set_takes_no_more_than_an_overview() -> None:
    """A plot beside the data shows what an overview may show, and no client is told that it needs a credential."""
    assert action_of(["graphic"]) is action_of(["overview"])


@pytest.mark.parametrize("roles", [None, "thumbnail", "𒍟※", [], ["visual"], ["data", "thumbnail"]])
def test_role_that_says_nothing_takes_the_most(roles: object) -> None:
    """What is no small file for certain is an image."""
    assert action_of(roles) is Action.DOWNLOAD


@pytest.mark.parametrize(
    ("who", "path", "reasons"),
    [
        ("nobody", PAN, ["not-authenticated"]),
        ("bob", PAN, ["licence-not-signed"]),
        ("ada", EXCLUDED, ["spatially-excluded"]),
        ("nobody", OPEN, ["declaration-required"]),
    ],
)
def test_refusal_says_why(gate: Gate, who: str, path: str, reasons: list[str]) -> None:
    """The problem names the reasons for programs, and the set of rules."""
    problem = problem_of(gate.get(path, _holder(gate, who)))
    assert (problem["reasons"], problem["policy_set"]) == (reasons, "invented")


def test_stranger_is_asked_for_a_password(gate: Gate) -> None:
    """QGIS and GDAL send a password when the answer asks for one."""
    assert "Basic realm=" in gate.get(PAN).headers["WWW-Authenticate"]


def test_key_for_reading_does_not_download(gate: Gate) -> None:
    """A key without the scope `download` sees the catalogue, and gets no image."""
    answer = gate.get(PAN, headers={"X-API-Key": str(gate.ada.reading_key)})
    assert (answer.status_code, problem_of(answer)["reasons"]) == (403, ["scope-missing"])


def _told(answer: requests.Response) -> tuple[object, ...]:
    varying = ("X-Request-ID", "Date")
    headers = {name: value for name, value in answer.headers.items() if name.title() not in {*map(str.title, varying)}}
    body = {name: value for name, value in problem_of(answer).items() if name != "request_id"}
    return answer.status_code, headers, body


def test_hidden_is_as_absent(gate: Gate) -> None:
    """A file of a hidden collection, Item or asset is answered to the letter as one that was never there."""
    hidden = _told(gate.get(HIDDEN, gate.ada))
    for absent in (
        "/assets/hidden/SECRET/nothing",
        "/assets/hidden/NOTHING/pan",
        "/assets/nothing/SECRET/thumbnail",
        "/assets/members/IMAGE/nothing",
    ):
        assert _told(gate.get(absent, gate.ada)) == hidden


def test_what_is_given_out_elsewhere_is_redirected_there(gate: Gate) -> None:
    """Where the rules say that files are to be had at their origin, the way there is told to everybody."""
    answer = gate.get("/assets/elsewhere/SCENE/data")
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://hub.example.org/scene.zip")
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_copy_of_what_is_given_out_elsewhere_is_not_given_out(gate: Gate) -> None:
    """A copy that we hold of such a file is refused: it is not ours to give, and its Item names no other place."""
    assert problem_of(gate.get("/assets/elsewhere/COPY/pan"))["reasons"] == ["at-the-origin"]


def test_caches_keep_apart_what_is_personal(gate: Gate) -> None:
    """What somebody gets by a credential is kept by nobody; what everybody gets may be asked for again by ETag."""
    own, for_all = gate.get(PAN, gate.ada), gate.get(THUMBNAIL)
    assert own.headers["Cache-Control"] == "private, no-store"
    assert for_all.headers["Cache-Control"] == "no-cache"
    for answer in (own, for_all):
        assert {"Authorization", "X-API-Key"} <= {each.strip() for each in answer.headers["Vary"].split(",")}
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_unchanged_file_is_not_sent_again_to_its_owner(gate: Gate) -> None:
    """The ETag serves behind the rules too, and opens nothing for those who may not have the file."""
    etag = gate.get(PAN, gate.ada).headers["ETag"]
    assert gate.get(PAN, gate.ada, headers={"If-None-Match": etag}).status_code == 304
    assert gate.get(PAN, gate.bob, headers={"If-None-Match": etag}).status_code == 403


def test_public_assets_override_the_rules_on_what_can_be_seen(gate: Gate) -> None:
    """With --public-assets everybody has the files of what he can see, and what is hidden stays hidden."""
    with serving(create_app(ApiSettings(public_assets=True), gate.database.conninfo("api"))) as site:
        assert [site.get(path).status_code for path in (PAN, EXCLUDED, OPEN, HIDDEN)] == [200, 200, 200, 404]
