"""Attack: the signature for one file is put behind the address of another."""

from __future__ import annotations

import pytest

from tests.stac_api.downloads.protected_catalogue import PAN, THUMBNAIL, Gate
from tests.stac_api.invented_catalogue import problem_of


@pytest.mark.parametrize(
    "other",
    [
        "/assets/members/AGAIN/pan",
        "/assets/members/IMAGE/overview",
        "/assets/members/LAUNCH-PAD/pan",
        "/assets/hidden/SECRET/pan",
        "/assets/nothing/NOTHING/pan",
    ],
)
def test_signature_opens_the_file_that_it_was_made_for(gate: Gate, other: str) -> None:
    """A signature is for one asset of one Item; behind any other address, there or not, it is refused alike."""
    query = gate.signed(PAN, gate.ada).partition("?")[2]
    problem = problem_of(gate.get(f"{other}?{query}"))
    assert (problem["status"], problem["code"]) == (403, "SignatureInvalid")


def test_names_that_run_together_are_told_apart(gate: Gate) -> None:
    """The names are signed each for itself: moving a sign from one to the next gives another file."""
    query = gate.signed(PAN, gate.ada).partition("?")[2]
    for path in ("/assets/members%2FIMAGE/pan/x", "/assets/member/sIMAGE/pan", "/assets/members/IMAGE%2Fpan/x"):
        assert gate.get(f"{path}?{query}").status_code in (403, 404)


def test_public_file_is_refused_behind_a_wrong_signature(gate: Gate) -> None:
    """Even what everybody may have: whoever shows a credential is told when it is wrong."""
    query = gate.signed(PAN, gate.ada).partition("?")[2]
    assert gate.get(THUMBNAIL).status_code == 200
    assert gate.get(f"{THUMBNAIL}?{query}").status_code == 403
