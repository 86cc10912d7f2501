"""The worked cases: what the documents say that an area costs, to the cent and the square metre."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import yaml

from stac_api.access.policy import Category, PolicySet
from stac_api.quota.quote import Enquiry, NotQuotable, quote
from tests.conftest import PROJECT

RULES = PROJECT / "collections" / "rules"
CASES = list(csv.DictReader((Path(__file__).parent / "worked_cases.csv").read_text("utf-8").splitlines()))


@cache
def shipped_sets() -> tuple[PolicySet, ...]:
    """The shipped policy sets, the earliest first."""
    sets = (PolicySet.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in RULES.glob("*.yaml"))
    return tuple(sorted(sets, key=lambda each: each.valid_from))


def in_force(day: str) -> PolicySet:
    """The set in force on a day at noon."""
    moment = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    return [each for each in shipped_sets() if each.valid_from <= moment][-1]


def enquiry(case: dict[str, str]) -> Enquiry:
    """What a case asks for."""
    return Enquiry(
        area_m2=int(Decimal(case["area_km2"]) * 1_000_000),
        collection=case["collection"],
        kind="archive" if case["kind"] == "archive" else "tasking",
        mode="mono" if case["mode"] == "mono" else "stereo" if case["mode"] == "stereo" else "tri-stereo",
        category=Category(case["category"]),
        available=Decimal(case["available"]) if case["available"] else None,
    )


def name(case: dict[str, str]) -> str:
    """The case in short."""
    return " ".join(case[key] for key in ("date", "collection", "category", "kind", "mode", "area_km2", "available"))


def test_there_are_cases_enough() -> None:
    """Sixty cases at least, of every kind, mode and document, none twice."""
    assert len(CASES) >= 60
    assert len({name(case) for case in CASES}) == len(CASES)
    assert {case["kind"] for case in CASES} == {"archive", "tasking"}
    assert {case["mode"] for case in CASES} == {"mono", "stereo", "tri-stereo"}


@pytest.mark.parametrize("case", CASES, ids=name)
def test_a_case_comes_out_right(case: dict[str, str]) -> None:
    """Free part, billable square metres and euros are those of the documents; what nobody offers is refused."""
    policies = in_force(case["date"])
    if case["covered"] == "refused":
        with pytest.raises(NotQuotable):
            quote(enquiry(case), policies)
        return
    found = quote(enquiry(case), policies)
    expected_if_refused = Decimal(case["amount_if_refused_eur"]) if case["amount_if_refused_eur"] else None
    assert found.billable_m2 == int(case["billable_m2"])
    assert found.covered == Decimal(case["covered"])
    assert (found.amount_eur, found.amount_if_refused_eur) == (Decimal(case["amount_eur"]), expected_if_refused)


@pytest.mark.parametrize("case", [case for case in CASES if case["covered"] != "refused"], ids=name)
def test_each_line_names_its_source(case: dict[str, str]) -> None:
    """Every line says what it rests on, and the lines add up to the price."""
    found = quote(enquiry(case), in_force(case["date"]))
    assert all(line.source for line in found.lines)
    assert sum(line.amount_eur for line in found.lines) == found.amount_eur
