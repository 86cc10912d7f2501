"""Attack: get from a cache what somebody else was shown. QGIS keeps what it may, and so do proxies."""

from __future__ import annotations

import pytest

from tests.stac_api.access.restricted_catalogue import HIDDEN, OPEN, SHOWN, Catalogues

PERSONAL = ["/", "/collections", f"/collections/{SHOWN}", "/search", f"/collections/{SHOWN}/items", "/queryables"]


@pytest.mark.parametrize("path", [*PERSONAL, f"/collections/{SHOWN}/changes", f"/assets/{OPEN}/OPEN-1/thumbnail"])
def test_answers_to_a_credential_are_for_it_alone(catalogues: Catalogues, path: str) -> None:
    """No shared cache may keep them, and every cache must look at the credentials."""
    answer = catalogues.answer(path, "scientist")
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("private")
    assert {"authorization", "x-api-key", "access-key"} <= _varying(answer.headers["vary"])


@pytest.mark.parametrize("path", PERSONAL)
def test_answers_that_hide_something_are_in_no_shared_cache(catalogues: Catalogues, path: str) -> None:
    """What a stranger gets is not for those who see more."""
    answer = catalogues.answer(path)
    assert "private" in answer.headers["cache-control"]
    assert {"authorization", "x-api-key", "access-key"} <= _varying(answer.headers["vary"])


@pytest.mark.parametrize(
    "path", [f"/collections/{HIDDEN}", "/collections/nothing", "/nothing", "/licenses/nothing/1", "/entities/nothing"]
)
def test_refusals_are_kept_by_no_cache(catalogues: Catalogues, path: str) -> None:
    """Somebody who logs in, or is granted more, does not get yesterday's 404."""
    assert catalogues.answer(path).headers["cache-control"] == "private, no-store"


def test_what_is_the_same_for_all_may_be_kept(catalogues: Catalogues) -> None:
    """Schemas of extensions and texts of licences are for every cache."""
    answer = catalogues.answer("/extensions/stereo/v1.0.0/schema.json", "scientist")
    assert answer.headers["cache-control"].startswith("public")
    assert "authorization" not in _varying(answer.headers.get("vary", ""))


def _varying(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}
