"""The worked cases: what the documents say that an area costs, to the cent and the square metre."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
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
    """The shipped policy sets, in no order."""
    return tuple(PolicySet.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in RULES.glob("*.yaml"))


def enquiry(case: dict[str, str]) -> Enquiry:
    """What a case asks for."""
    return Enquiry(
        area_m2=int(Decimal(case["area_km2"]) * 1_000_000),
        collection=case["collection"],
        kind="archive" if case["kind"] == "archive" else "tasking",
        mode="mono" if case["mode"] == "mono" else "stereo" if case["mode"] == "stereo" else "tri-stereo",
        category=Category(case["category"]),
        at=datetime.fromisoformat(case["date"]).replace(hour=12, tzinfo=UTC),
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
    if case["covered"] == "refused":
        with pytest.raises(NotQuotable):
            quote(enquiry(case), shipped_sets())
        return
    found = quote(enquiry(case), shipped_sets())
    expected_if_refused = Decimal(case["amount_if_refused_eur"]) if case["amount_if_refused_eur"] else None
    assert found.billable_m2 == int(case["billable_m2"])
    assert found.covered == Decimal(case["covered"])
    assert (found.amount_eur, found.amount_if_refused_eur) == (Decimal(case["amount_eur"]), expected_if_refused)


@pytest.mark.parametrize("case", [case for case in CASES if case["covered"] != "refused"], ids=name)
def test_each_line_names_its_source(case: dict[str, str]) -> None:
    """Every line says what it rests on, and the lines add up to the price."""
    found = quote(enquiry(case), shipped_sets())
    assert all(line.source for line in found.lines)
    assert sum(line.amount_eur for line in found.lines) == found.amount_eur


def test_the_rules_of_the_moment_decide() -> None:
    """To the second before a set begins the former one prices, and before the first there is no price."""
    case = enquiry(CASES[0])
    first, *_ = ordered = sorted(shipped_sets(), key=lambda each: each.valid_from)
    for former, begun in pairwise(ordered):
        before = replace(case, at=begun.valid_from - timedelta(seconds=1))
        assert quote(before, shipped_sets()).policy_set == former.id
        assert quote(replace(case, at=begun.valid_from), shipped_sets()).policy_set == begun.id
    with pytest.raises(NotQuotable, match="later date"):
        quote(replace(case, at=first.valid_from - timedelta(seconds=1)), shipped_sets())


@pytest.mark.parametrize(
    ("follows_price", "covered", "amount_eur"), [(False, 150, 0), (True, 200, 100)], ids=["alike", "by the price"]
)
def test_quota_may_be_used_up_as_the_price_grows(follows_price: bool, covered: int, amount_eur: int) -> None:
    """Where stereo counts twice, 200 km² of a quota are 100 km² of it; the other 50 cost twice 1 € each."""
    changed = {"multiplier_follows_price": follows_price}
    sets = [
        each.model_copy(
            update={"quotas": {name: quota.model_copy(update=changed) for name, quota in each.quotas.items()}}
        )
        for each in shipped_sets()
    ]
    asked = replace(enquiry(CASES[0]), area_m2=150_000_000, mode="stereo", available=Decimal(200))
    found = quote(asked, sets)
    assert (found.covered, found.amount_eur) == (Decimal(covered), Decimal(amount_eur))


@pytest.mark.parametrize("left", ["-0.01", "NaN", "sNaN", "Infinity"])
def test_what_cannot_be_left_of_a_quota_is_refused(left: str) -> None:
    """No price follows from less than nothing, or from what is no number."""
    with pytest.raises(NotQuotable, match="from 0 on"):
        quote(replace(enquiry(CASES[0]), available=Decimal(left)), shipped_sets())
