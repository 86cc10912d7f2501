"""`/sign` and `/sign_urls`: what they answer, whom they serve, and how keys are changed."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from stac_api.access.principal import Principal
from stac_api.conformance import SIGNING_CLASS
from stac_api.downloads.addresses import asset_named_by
from stac_api.downloads.signatures import AssetName
from stac_api.downloads.signing_keys import LONGEST_S, USUAL_S, listed_keys, rotate_key
from stac_api.downloads.subjects import principal_of_subject, subject_of
from tests.stac_api.downloads.protected_catalogue import EXCLUDED, HIDDEN, PAN, THUMBNAIL, Gate, query_of
from tests.stac_api.invented_catalogue import problem_of


def _left(moment: str) -> timedelta:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    return datetime.fromisoformat(moment) - datetime.now(UTC)


def test_signed_address_opens_without_credentials(gate: Gate) -> None:
    """It is the same address with a query, and gives the file to GET, HEAD and ranges."""
    address = gate.signed(PAN, gate.ada)
    assert address.startswith(f"{gate.site.url}{PAN}?")
    assert gate.get(address).content == gate.get(PAN, gate.ada).content
    assert gate.request("HEAD", address).status_code == 200
    assert gate.get(address, headers={"Range": "bytes=0-9"}).status_code == 206
    assert gate.get(address).headers["Cache-Control"] == "private, no-store"


def test_sign_tells_its_end_by_every_usual_name(gate: Gate) -> None:
    """`expires`, `expiry` and `msft:expiry` are one moment, and nobody else may keep the answer."""
    answer = gate.sign(PAN, gate.ada)
    body = answer.json()
    assert body.keys() == {"href", "expires", "expiry", "msft:expiry"}
    assert body["expires"] == body["expiry"] == body["msft:expiry"]
    assert _left(body["expiry"]) == pytest.approx(timedelta(seconds=USUAL_S), abs=timedelta(seconds=30))
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(("asked", "given"), [(90, 90), (None, USUAL_S), (10**6, LONGEST_S)])
def test_duration_is_as_asked_but_never_beyond_the_longest(gate: Gate, asked: int | None, given: int) -> None:
    """A client may ask for less or more than an hour, up to the longest, and is told what it got."""
    body = {"urls": [gate.site.url + PAN], "duration_seconds": asked}
    answer = gate.request("POST", "/sign_urls", gate.ada, json=body).json()
    assert _left(answer["expiry"]) == pytest.approx(timedelta(seconds=given), abs=timedelta(seconds=30))


@pytest.mark.parametrize("duration", [0, -5, "soon"])
def test_duration_that_makes_no_sense_is_refused(gate: Gate, duration: object) -> None:
    """A time that is no time is a mistake of the client."""
    assert problem_of(gate.sign(PAN, gate.ada, duration_seconds=duration))["status"] == 400


def test_many_addresses_are_signed_at_once(gate: Gate) -> None:
    """The answer has one end and each address under its own name; signatures are never alike."""
    urls = [gate.site.url + path for path in (PAN, THUMBNAIL, PAN.replace("IMAGE", "AGAIN"))]
    answer = gate.request("POST", "/sign_urls", gate.ada, json={"urls": urls}).json()
    assert answer.keys() == {"expiry", "hrefs"}
    assert answer["hrefs"].keys() == set(urls)
    assert {gate.get(href).status_code for href in answer["hrefs"].values()} == {200}
    assert len({query_of(href)["jti"] for href in answer["hrefs"].values()}) == len(urls)


def test_one_refusal_refuses_all_with_the_reasons_of_each(gate: Gate) -> None:
    """Nothing is signed by halves; `errors` says what is amiss with which address, hidden ones as absent ones."""
    paths = [PAN, EXCLUDED, HIDDEN, "/assets/members/IMAGE/nothing", "/search"]
    urls = [gate.site.url + path for path in paths]
    problem = problem_of(gate.request("POST", "/sign_urls", gate.ada, json={"urls": urls}))
    by_path = {each["href"].removeprefix(gate.site.url): each for each in problem["errors"]}
    assert PAN not in by_path
    assert (by_path[EXCLUDED]["status"], by_path[EXCLUDED]["reasons"]) == (403, ["spatially-excluded"])
    assert {k: v for k, v in by_path[HIDDEN].items() if k != "href"} == {
        k: v for k, v in by_path["/assets/members/IMAGE/nothing"].items() if k != "href"
    }
    assert (by_path["/search"]["status"], problem["status"]) == (400, 400)


def test_more_addresses_than_the_most_are_refused(gate: Gate) -> None:
    """Sixty-four are signed at once, not more."""
    urls = [gate.site.url + PAN] * 65
    assert problem_of(gate.request("POST", "/sign_urls", gate.ada, json={"urls": urls}))["status"] == 400


def test_clients_can_tell_that_addresses_are_signed_here(gate: Gate) -> None:
    """The conformance class is told, and `teledetection` finds the description of the API where it looks for it."""
    assert SIGNING_CLASS in gate.get("/conformance").json()["conformsTo"]
    assert gate.get("/openapi.json").json() == gate.get("/api").json()


def test_only_the_entitled_get_a_signature(gate: Gate) -> None:
    """Who may not have a file gets no signature for it, and the same reasons as from the file itself."""
    unsigned = problem_of(gate.sign(PAN, gate.bob))
    assert (unsigned["status"], unsigned["reasons"]) == (403, ["licence-not-signed"])
    stranger = gate.sign(PAN)
    assert (stranger.status_code, "Basic" in stranger.headers["WWW-Authenticate"]) == (401, True)
    assert gate.sign(HIDDEN, gate.ada).status_code == 404


def test_signed_address_can_be_renewed(gate: Gate) -> None:
    """A signed address in a saved project is given back for a new signature."""
    first = gate.signed(PAN, gate.ada)
    again = gate.signed(first, gate.ada)
    assert again != first
    assert gate.get(again).status_code == 200


def test_rights_that_are_gone_are_gone_at_once(gate: Gate) -> None:
    """A signature opens a file with the rights that its owner has by then: a suspended entity closes it."""
    address = gate.signed(PAN, gate.ada)
    with gate.database.connect("owner", autocommit=True) as connection:
        connection.execute("UPDATE dinamis.entity SET state = 'suspended' WHERE id = %s", (gate.ada.entity,))
        try:
            assert problem_of(gate.get(address))["reasons"] == ["entity-suspended"]
        finally:
            connection.execute("UPDATE dinamis.entity SET state = 'active' WHERE id = %s", (gate.ada.entity,))
    assert gate.get(address).status_code == 200


def test_open_data_is_signed_for_whoever_declared(gate: Gate) -> None:
    """The token of a declaration gets signatures for its licence, of nobody in particular."""
    headers = gate.declaration("etalab", 2)
    href = gate.site.url + "/assets/open-data/ORTHO/pan"
    signed = gate.request("POST", "/sign", headers=headers, json={"href": href}).json()["href"]
    assert gate.get(signed).status_code == 200
    assert gate.events()[-1]["pseudonym"] is None


def test_all_that_was_declared_is_signed_for() -> None:
    """Whoever accepted two licences has the files of both by his signatures."""
    declared = frozenset({("etalab", 2), ("invented", 1)})
    subject = subject_of(Principal(credential="declaration", declared=declared))
    nobody = Request({"type": "http"})
    assert asyncio.run(principal_of_subject(nobody, subject)).declared == declared


def test_hosts_have_no_case() -> None:
    """An address whose host is written in capitals is ours all the same, its path is not."""
    own = "https://stac.example.org/api/"
    assert asset_named_by("https://STAC.example.org/api/assets/a/b/c", own) == AssetName(
        collection="a", item="b", key="c"
    )
    assert asset_named_by("https://stac.example.org/API/assets/a/b/c", own) is None


def test_rotated_key_signs_no_more_but_is_honoured(gate: Gate) -> None:
    """After a rotation new addresses have the new key, and those of the old one open until they end."""
    before = gate.signed(PAN, gate.ada)
    with gate.database.connect("owner") as connection:
        kid = rotate_key(connection)
        assert [each.kid for each in listed_keys(connection)][:2] == [kid, query_of(before)["kid"]]
    gate.forget()
    after = gate.signed(PAN, gate.ada)
    assert query_of(after)["kid"] == kid != query_of(before)["kid"]
    assert [gate.get(each).status_code for each in (before, after)] == [200, 200]


def test_revoked_keys_open_nothing(gate: Gate) -> None:
    """When a key has leaked, a rotation that revokes ends all that was signed before."""
    before = gate.signed(PAN, gate.ada)
    with gate.database.connect("owner") as connection:
        kid = rotate_key(connection, revoke=True)
        assert [each.kid for each in listed_keys(connection)] == [kid]
    gate.forget()
    assert problem_of(gate.get(before))["code"] == "SignatureInvalid"
    assert gate.get(gate.signed(PAN, gate.ada)).status_code == 200
