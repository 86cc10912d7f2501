"""Attack: guess names, and tell from answers which of them exist."""

from __future__ import annotations

import pytest

from tests.stac_api.access.restricted_catalogue import (
    HIDDEN,
    HIDDEN_IMAGE,
    HIDDEN_PAIR,
    HIDDEN_SETS,
    MIXED_PAIR,
    SECRET_PLACE,
    SHOWN,
    SHOWN_IMAGE,
    SHOWN_PAIR,
    SHOWN_SETS,
    UNRULED,
    WITHDRAWN,
    WITHDRAWN_HIDDEN,
    Catalogues,
)

PLACES = [(HIDDEN, HIDDEN_IMAGE), (UNRULED, SECRET_PLACE), (HIDDEN_SETS, HIDDEN_PAIR), (HIDDEN, WITHDRAWN_HIDDEN)]


@pytest.mark.parametrize(("collection", "item"), PLACES)
@pytest.mark.parametrize(
    "path",
    [
        "/collections/{collection}",
        "/collections/{collection}/items",
        "/collections/{collection}/items?limit=0",
        "/collections/{collection}/items?filter=nonsense((",
        "/collections/{collection}/items/{item}",
        "/collections/{collection}/items/{item}/stereo",
        "/collections/{collection}/queryables",
        "/collections/{collection}/changes",
        "/collections/{collection}/changes?since=nonsense",
        "/collections/{collection}/access",
        "/collections/{collection}/access?at=2024-01-01",
        "/collections/{collection}/quota",
        "/collections/{collection}/nonsense",
        "/me/permissions?collection={collection}",
        "/me/permissions?collection={collection}&item={item}",
        "/assets/{collection}/{item}/thumbnail",
        "/assets/{collection}/{item}/image?sig=x&exp=1&kid=k&jti=j&sub=-",
        "/search?collections={collection}",
        "/search?ids={item}",
        "/search?collections={collection},shown-images&ids={item},IMAGE-1",
        "/stereo/search?collections={collection}",
        "/stereo/search?ids={item}",
        "/stereo/search?collections={collection},shown-images&multi_date=true",
        "/eligibility?collection={collection}&category=PUBLIC",
    ],
)
def test_hidden_is_answered_as_absent(catalogues: Catalogues, path: str, collection: str, item: str) -> None:
    """Status, headers and bytes are those of a catalogue in which the thing is not, good request or bad."""
    catalogues.assert_indistinguishable(path.format(collection=collection, item=item))


@pytest.mark.parametrize(("collection", "item"), PLACES)
@pytest.mark.parametrize("path", ["/sign", "/sign_urls"])
def test_signing_is_no_oracle(catalogues: Catalogues, path: str, collection: str, item: str) -> None:
    """Nothing is signed for a file that cannot be seen, and its refusal is that of one that is not there."""
    answers = []
    for place in ((collection, item), ("nothing", "nothing")):
        href = f"{catalogues.full.url}/assets/{place[0]}/{place[1]}/image"
        body = {"href": href} if path == "/sign" else {"urls": [href]}
        answer = catalogues.answer(path, method="POST", body=body)
        answers.append((answer.status_code, answer.text.replace(href, "").replace(answer.headers["x-request-id"], "")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.mark.parametrize("role", ["stranger", "other category"])
@pytest.mark.parametrize("item", [MIXED_PAIR, WITHDRAWN_HIDDEN])
def test_items_hidden_among_seen_ones_are_absent(catalogues: Catalogues, item: str, role: str) -> None:
    """A set of which one view is hidden is not there, though its collection is."""
    answers = [catalogues.answer(f"/collections/{SHOWN_SETS}/items/{name}", role) for name in (item, "NOTHING")]
    assert [each.status_code for each in answers] == [404, 404]
    assert item not in catalogues.answer(f"/collections/{SHOWN_SETS}/items", role).text


@pytest.mark.parametrize(("role", "told"), [("stranger", {SHOWN_PAIR}), ("scientist", {SHOWN_PAIR, MIXED_PAIR})])
def test_changes_tell_of_no_hidden_set(catalogues: Catalogues, role: str, told: set[str]) -> None:
    """The feed of a collection of sets leaves out one of which a view is hidden; whoever sees all views gets it."""
    feed = catalogues.answer(f"/collections/{SHOWN_SETS}/changes", role).json()
    assert {change["id"] for change in feed["changes"]} == told


def test_withdrawal_is_told_to_those_who_saw_the_item(catalogues: Catalogues) -> None:
    """An Item that all saw is gone for all; one of a hidden collection only for those who saw it."""
    hidden = f"/collections/{HIDDEN}/items/{WITHDRAWN_HIDDEN}"
    assert catalogues.answer(f"/collections/{SHOWN}/items/{WITHDRAWN}").status_code == 410
    assert catalogues.answer(hidden).status_code == 404
    assert catalogues.answer(hidden, "scientist").status_code == 410


@pytest.mark.parametrize("place", [(HIDDEN, HIDDEN_IMAGE), (UNRULED, SECRET_PLACE), (SHOWN_SETS, MIXED_PAIR)])
@pytest.mark.parametrize("direction", ["next", "prev"])
def test_page_token_of_a_hidden_item_is_that_of_an_absent_one(
    catalogues: Catalogues, place: tuple[str, str], direction: str
) -> None:
    """Tokens name Items: one made up for a hidden Item would tell that it is there, and where it stands in an order."""
    token = ":".join((direction, *(name.encode().hex() for name in place)))
    answer = catalogues.assert_indistinguishable(f"/search?token={token}&sortby=eo:cloud_cover")
    assert answer.status_code == 400
    absent = ":".join((direction, place[0].encode().hex(), b"NOTHING".hex()))
    refusals = [catalogues.answer(f"/search?token={each}").json()["detail"] for each in (token, absent)]
    assert refusals[0] == refusals[1]
    seen = ":".join((direction, SHOWN.encode().hex(), SHOWN_IMAGE.encode().hex()))
    assert catalogues.answer(f"/search?token={seen}").status_code == 200


def test_hidden_and_absent_cost_the_same_work(catalogues: Catalogues) -> None:
    """Both are looked for anew, in the list of all collections and nowhere else: there is no quicker answer to time."""
    times: dict[str, list[float]] = {HIDDEN: [], "absent-collections": []}
    for _ in range(60):
        for name, taken in times.items():
            taken.append(catalogues.answer(f"/collections/{name}").elapsed.total_seconds())
    hidden, absent = (sorted(taken)[len(taken) // 2] for taken in times.values())
    assert 0.5 < hidden / absent < 2
