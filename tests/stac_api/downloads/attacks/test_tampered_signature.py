"""Attack: a word of a signed address is changed, to live longer, to be another, or to read another file."""

from __future__ import annotations

import pytest

from tests.stac_api.downloads.protected_catalogue import PAN, Gate, changed_query, query_of
from tests.stac_api.invented_catalogue import problem_of


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exp", "99999999999"),
        ("exp", "soon"),
        ("sub", "0" * 32),
        ("sub", "uia~1"),
        ("sub", "-"),
        ("jti", "another"),
        ("sig", "A" * 43),
        ("sig", "§"),
        ("sub", ""),
        ("exp", ""),
        ("kid", ""),
        ("jti", ""),
    ],
)
def test_changed_word_closes_the_address(gate: Gate, name: str, value: str) -> None:
    """Every parameter is under the signature: changed or taken away, the address opens nothing."""
    address = changed_query(gate.signed(PAN, gate.ada), **{name: value})
    problem = problem_of(gate.get(address))
    assert (problem["status"], problem["code"]) == (403, "SignatureInvalid")


def test_each_bit_of_the_signature_counts(gate: Gate) -> None:
    """A signature that differs in its first, a middle or its last character is none."""
    address = gate.signed(PAN, gate.ada)
    signature = query_of(address)["sig"]
    for at in (0, 20, 41):
        other = "A" if signature[at] != "A" else "B"
        changed = changed_query(address, sig=signature[:at] + other + signature[at + 1 :])
        assert gate.get(changed).status_code == 403


def test_broken_signature_is_not_mended_by_another_credential(gate: Gate) -> None:
    """Who sends a signature is judged by it: a good key beside a broken one changes nothing."""
    address = changed_query(gate.signed(PAN, gate.ada), jti="another")
    assert gate.get(address, gate.ada).status_code == 403


def test_parameters_cannot_be_given_twice_to_mean_two_things(gate: Gate) -> None:
    """Of a parameter that is there twice the one that is checked is the one that is used."""
    address = gate.signed(PAN, gate.ada)
    assert gate.get(f"{address}&exp=99999999999").status_code == 403
    assert gate.get(f"{address}&sub={'0' * 32}").status_code == 403
