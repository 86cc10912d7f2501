"""A quote: how much of the quota an area would use and what it would cost, line by line, with the rule behind each.

Pure: of the given policy sets, the one in force at the time of the enquiry decides. Areas are whole square metres,
amounts are decimal euros without VAT, rounded half up once per line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Literal

from stac_api.access.policy import Category, Ordering, PolicySet, QuotaRule, Rule, TariffRule, Tranche, Visibility

Kind = Literal["archive", "tasking"]
Mode = Literal["mono", "stereo", "tri-stereo"]

_M2 = Decimal(1_000_000)
_CENT = Decimal("0.01")
_NOTHING = Decimal(0)


class NotQuotable(Exception):
    """There is no price for this."""


@dataclass(frozen=True, kw_only=True)
class Enquiry:
    """What is asked for.

    Attributes:
        area_m2: Area of interest on the ellipsoid, whole square metres.
        at: The time whose rules decide, with its zone.
        available: What is left of the quota, in its unit; None for all of it.
    """

    area_m2: int
    collection: str
    kind: Kind
    mode: Mode
    category: Category
    at: datetime
    available: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class QuoteLine:
    """One step of the calculation.

    Attributes:
        what: A description.
        quantity: The quantity, in `unit`.
        amount_eur: What it adds to the price.
        source: The document behind it.
        assumptions: What no document states.
    """

    what: str
    quantity: Decimal
    unit: Literal["km2", "credit"]
    amount_eur: Decimal
    source: str
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The price of an enquiry.

    Attributes:
        billable_m2: The area that counts: at least the minimum, whole scenes where only those are sold.
        covered: What the quota pays for, in `unit`.
        amount_eur: The price beyond the quota.
        amount_if_refused_eur: The price if the quota is not granted; None if nothing is sold without it.
        is_discretionary: Whether somebody has to grant the free part.
    """

    enquiry: Enquiry
    policy_set: str
    billable_m2: int
    unit: Literal["km2", "credit"]
    covered: Decimal
    amount_eur: Decimal
    amount_if_refused_eur: Decimal | None
    is_discretionary: bool
    lines: tuple[QuoteLine, ...]


def quote(enquiry: Enquiry, policies: Iterable[PolicySet]) -> Quote:
    """Price an enquiry by the rules of its time.

    Args:
        enquiry: What is asked for.
        policies: The successive sets, in any order.

    Raises:
        NotQuotable: no rules were in force, the collection is not offered to the category in this way, or its price is
            not stated; the message says which.
    """
    _refuse_senseless(enquiry)
    decisive = _in_force(policies, enquiry.at)
    rule = _offering_rule(enquiry, decisive)
    quota = decisive.quotas[rule.quota] if rule.quota else None
    tariff = decisive.tariffs[rule.tariff] if rule.tariff else None
    unit = _unit(quota, tariff)
    return (
        _in_credits(enquiry, decisive, quota, tariff) if unit == "credit" else _in_km2(enquiry, decisive, quota, tariff)
    )


def _refuse_senseless(enquiry: Enquiry) -> None:
    if enquiry.area_m2 <= 0:
        raise NotQuotable("An area of 0 m² has no price: give one with some extent.")
    if enquiry.available is not None and not (enquiry.available.is_finite() and enquiry.available >= 0):
        raise NotQuotable(f"{enquiry.available} cannot be left of a quota: give a number from 0 on.")


def _in_force(policies: Iterable[PolicySet], at: datetime) -> PolicySet:
    begun = [each for each in policies if each.valid_from <= at]
    if not begun:
        raise NotQuotable(f"No rules were in force on {at:%Y-%m-%d}: ask for a later date.")
    return max(begun, key=lambda each: each.valid_from)


def _offering_rule(enquiry: Enquiry, policies: PolicySet) -> Rule:
    rule = policies.rule_for(enquiry.collection, enquiry.category)
    if rule is None or rule.seen is Visibility.HIDDEN:
        raise NotQuotable(f"No rule of {policies.id} offers {enquiry.collection}.")
    if rule.order is Ordering.EXTERNAL:
        raise NotQuotable(f"{enquiry.category} orders {enquiry.collection} from the vendor: {rule.source}.")
    if rule.order not in (Ordering(enquiry.kind), Ordering.BOTH):
        offered = "nothing" if rule.order is Ordering.NONE else f"only {rule.order}"
        raise NotQuotable(
            f"{enquiry.category} can order {offered} of {enquiry.collection}, not {enquiry.kind}, by {policies.id}."
        )
    if rule.quota is None and rule.tariff is None:
        raise NotQuotable(f"No document states what {enquiry.collection} costs {enquiry.category} by {policies.id}.")
    return rule


def _unit(quota: QuotaRule | None, tariff: TariffRule | None) -> Literal["km2", "credit"]:
    if tariff is not None and tariff.tranches:
        return "credit"
    return quota.unit if quota is not None else "km2"


# By area: Pléiades


def _in_km2(enquiry: Enquiry, policies: PolicySet, quota: QuotaRule | None, tariff: TariffRule | None) -> Quote:
    billable_m2 = max(enquiry.area_m2, int(tariff.minimum_km2 * _M2) if tariff else 0)
    needed = billable_m2 / _M2
    covered, uncovered = _shares(needed, enquiry, quota, tariff)
    lines = [_area_line(enquiry, billable_m2, tariff), *_quota_lines(covered, "km2", quota)]
    if uncovered:
        lines.append(_line_by_area(uncovered, enquiry, tariff))
    is_sold = _stated_price(enquiry, tariff) is not None
    return Quote(
        enquiry=enquiry,
        policy_set=policies.id,
        billable_m2=billable_m2,
        unit="km2",
        covered=covered,
        amount_eur=_total(lines),
        amount_if_refused_eur=_line_by_area(needed, enquiry, tariff).amount_eur if is_sold else None,
        is_discretionary=bool(covered and quota and quota.discretionary),
        lines=tuple(lines),
    )


def _area_line(enquiry: Enquiry, billable_m2: int, tariff: TariffRule | None) -> QuoteLine:
    is_raised = billable_m2 > enquiry.area_m2
    return QuoteLine(
        what="Minimum order" if is_raised else "Area of interest",
        quantity=billable_m2 / _M2,
        unit="km2",
        amount_eur=_NOTHING,
        source=tariff.source if tariff and is_raised else "geodesic area on WGS 84, overlaps counted once",
    )


def _line_by_area(km2: Decimal, enquiry: Enquiry, tariff: TariffRule | None) -> QuoteLine:
    price = _price_per_km2(enquiry, tariff)
    factor = _factor(enquiry, tariff)
    times = f" × {factor} for {enquiry.mode}" if factor != 1 else ""
    return QuoteLine(
        what=f"{enquiry.kind.title()} at {price} €/km²{times}",
        quantity=km2,
        unit="km2",
        amount_eur=(km2 * price * factor).quantize(_CENT, ROUND_HALF_UP),
        source=tariff.source if tariff else "",
        assumptions=tariff.assumptions if tariff else (),
    )


def _price_per_km2(enquiry: Enquiry, tariff: TariffRule | None) -> Decimal:
    price = _stated_price(enquiry, tariff)
    if price is None:
        raise NotQuotable(
            f"No document states a price of {enquiry.kind} of {enquiry.collection} for {enquiry.category}."
        )
    return price


def _stated_price(enquiry: Enquiry, tariff: TariffRule | None) -> Decimal | None:
    if tariff is None:
        return None
    return tariff.archive_eur_per_km2 if enquiry.kind == "archive" else tariff.tasking_eur_per_km2


# By whole scenes: SPOT 6-7


def _in_credits(enquiry: Enquiry, policies: PolicySet, quota: QuotaRule | None, tariff: TariffRule | None) -> Quote:
    credit_km2 = quota.credit_km2 if quota else QuotaRule.model_fields["credit_km2"].default
    needed = (enquiry.area_m2 / _M2 / credit_km2).to_integral_value(ROUND_CEILING)
    covered, uncovered = _shares(needed, enquiry, quota, tariff)
    lines = [_scenes_line(needed, credit_km2), *_quota_lines(covered, "credit", quota)]
    if uncovered:
        lines += _tranche_lines(uncovered, credit_km2, enquiry, tariff)
    refused = _total(_tranche_lines(needed, credit_km2, enquiry, tariff)) if tariff and tariff.tranches else None
    return Quote(
        enquiry=enquiry,
        policy_set=policies.id,
        billable_m2=int(needed * credit_km2 * _M2),
        unit="credit",
        covered=covered,
        amount_eur=_total(lines),
        amount_if_refused_eur=refused,
        is_discretionary=bool(covered and quota and quota.discretionary),
        lines=tuple(lines),
    )


def _scenes_line(credits_needed: Decimal, credit_km2: Decimal) -> QuoteLine:
    return QuoteLine(
        what=f"Whole scenes of {credit_km2} km², one credit each",
        quantity=credits_needed,
        unit="credit",
        amount_eur=_NOTHING,
        source="DINAMIS presentation 2024/25: full scenes only",
        assumptions=("As many scenes as cover the area in square kilometres; their real footprints may need more.",),
    )


def _tranche_lines(
    credits_wanted: Decimal, credit_km2: Decimal, enquiry: Enquiry, tariff: TariffRule | None
) -> list[QuoteLine]:
    if tariff is None or not tariff.tranches:
        raise NotQuotable(
            f"No document states a price of {enquiry.collection} beyond the quota for {enquiry.category}."
        )
    factor = _factor(enquiry, tariff)
    tranches = cheapest_tranches(credits_wanted * factor * credit_km2, tariff.tranches)
    return [
        QuoteLine(
            what=f"{count} × {tranche.km2} km² for {tranche.eur} €" + (f", {enquiry.mode}" if factor != 1 else ""),
            quantity=tranche.km2 * count / credit_km2,
            unit="credit",
            amount_eur=(tranche.eur * count).quantize(_CENT, ROUND_HALF_UP),
            source=tariff.source,
            assumptions=tariff.assumptions,
        )
        for tranche, count in tranches
    ]


def cheapest_tranches(km2: Decimal, tranches: tuple[Tranche, ...]) -> list[tuple[Tranche, int]]:
    """The cheapest tranches that together contain an area; of equally cheap ones, those with the least left over.

    Args:
        km2: The area to contain.
        tranches: The tranches on offer, each usable any number of times.

    Returns:
        Tranches with the number of each, the largest first.
    """
    greatest = max(tranches, key=lambda each: each.km2)
    # Far beyond the largest tranche only the best value matters; the rest is searched exhaustively.
    best_value = min(tranches, key=lambda each: (each.eur / each.km2, -each.km2))
    wholes = max(int(km2 // best_value.km2) - int(greatest.km2 // best_value.km2) - 1, 0)
    chosen = [best_value] * wholes + _cheapest(km2 - wholes * best_value.km2, tranches)
    return [(each, chosen.count(each)) for each in sorted(set(chosen), key=lambda each: -each.km2)]


def _cheapest(km2: Decimal, tranches: tuple[Tranche, ...]) -> list[Tranche]:
    """The same for an area of a few tranches: cheapest by price, then by area left over, then by number."""
    reached: dict[Decimal, tuple[Decimal, int, list[Tranche]]] = {_NOTHING: (_NOTHING, 0, [])}
    open_areas = [_NOTHING]
    while open_areas:
        held = min(open_areas)
        open_areas.remove(held)
        if held >= km2:
            continue
        price, number, chosen = reached[held]
        for each in tranches:
            candidate = (price + each.eur, number + 1, [*chosen, each])
            known = reached.get(held + each.km2)
            if known is None or candidate[:2] < known[:2]:
                reached[held + each.km2] = candidate
                if held + each.km2 not in open_areas:
                    open_areas.append(held + each.km2)
    enough = {held: reached[held] for held in reached if held >= km2}
    return min(enough.items(), key=lambda each: (each[1][0], each[0], each[1][1]))[1][2]


# Of both


def _factor(enquiry: Enquiry, tariff: TariffRule | None) -> Decimal:
    if tariff is None or enquiry.mode == "mono":
        return Decimal(1)
    return tariff.stereo_factor if enquiry.mode == "stereo" else tariff.tristereo_factor


def _shares(
    needed: Decimal, enquiry: Enquiry, quota: QuotaRule | None, tariff: TariffRule | None
) -> tuple[Decimal, Decimal]:
    """What the quota pays for, in units of the quota, and what is left to pay for, in units of the order."""
    if quota is None:
        return _NOTHING, needed
    use = _factor(enquiry, tariff) if quota.multiplier_follows_price else Decimal(1)
    available = quota.amount if enquiry.available is None else min(enquiry.available, quota.amount)
    covered = min(needed * use, available)
    return covered, needed - covered / use


def _quota_lines(covered: Decimal, unit: Literal["km2", "credit"], quota: QuotaRule | None) -> list[QuoteLine]:
    if quota is None or not covered:
        return []
    return [
        QuoteLine(
            what="Free of charge" + (", if it is granted" if quota.discretionary else ""),
            quantity=covered,
            unit=unit,
            amount_eur=_NOTHING,
            source=quota.source,
            assumptions=quota.assumptions,
        )
    ]


def _total(lines: list[QuoteLine]) -> Decimal:
    return sum((line.amount_eur for line in lines), _NOTHING).quantize(_CENT)
