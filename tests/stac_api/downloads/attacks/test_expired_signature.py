"""Attack: an address from an old project, a log or a mail is opened after its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stac_api.downloads.signatures import AssetName, Grant, SigningKey, signed_query
from tests.stac_api.downloads.protected_catalogue import PAN, Gate
from tests.stac_api.invented_catalogue import problem_of


def _address(gate: Gate, expires_in: timedelta) -> str:
    """An address that this server signed so long ago."""
    with gate.database.connect("owner") as connection:
        kid, secret = connection.execute(
            "SELECT kid, secret FROM dinamis.signing_key WHERE retired_at IS NULL"
        ).fetchall()[0]
        (subject,) = connection.execute(
            "SELECT pseudonym FROM dinamis.person WHERE id = %s", (gate.ada.person,)
        ).fetchall()[0]
    asset = AssetName(collection="members", item="IMAGE", key="pan")
    grant = Grant(subject=subject.hex, expires_at=datetime.now(UTC) + expires_in, jti="old")
    return f"{PAN}?{signed_query(asset, grant, SigningKey(kid=kid, secret=bytes(secret)))}"


@pytest.mark.parametrize("age", [timedelta(seconds=2), timedelta(days=400)])
def test_expired_address_is_refused(gate: Gate, age: timedelta) -> None:
    """After its end it opens nothing, and says that a new one is to be asked for."""
    problem = problem_of(gate.get(_address(gate, -age)))
    assert (problem["status"], problem["code"]) == (403, "SignatureExpired")
    assert "/sign" in problem["detail"]


def test_the_same_address_opened_before_its_end(gate: Gate) -> None:
    """It is its time alone that closed it."""
    assert gate.get(_address(gate, timedelta(seconds=60))).status_code == 200


def test_age_is_not_told_of_what_we_did_not_sign(gate: Gate) -> None:
    """Without the key nobody learns by the answer whether he guessed all but the time."""
    problem = problem_of(gate.get(_address(gate, -timedelta(days=1)).replace("jti=old", "jti=new")))
    assert problem["code"] == "SignatureInvalid"
