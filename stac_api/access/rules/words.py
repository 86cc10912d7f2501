"""Quotas, prices and rules in a few words, for tables."""

from __future__ import annotations

from decimal import Decimal

from stac_api.access.policy import Download, Ordering, PolicySet, QuotaRule, Rule, TariffRule

_SCOPES = {
    "user": "for each user",
    "demand": "for each demand",
    "user_demand": "for each demand of a user",
    "entity": "for each entity",
}

_DEBITS = {"attempt": "by attempts", "order": "when ordered", "delivery": "when delivered"}


def number_words(number: Decimal) -> str:
    """A number with thin spaces between thousands, and without trailing zeros: `18 000`, `1.4`."""
    return f"{number.normalize():,f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def quota_words(quota: QuotaRule) -> str:
    """A quota: `2 500 km² for each demand of a user, used up when delivered`."""
    amount = f"{number_words(quota.amount)} km²"
    if quota.unit == "credit":
        km2 = number_words(quota.amount * quota.credit_km2)
        amount = f"{number_words(quota.amount)} credits ({km2} km²)"
    period = "" if quota.period == "none" else f" and {quota.period}"
    return f"{amount} {_SCOPES[quota.scope]}{period}, used up {_DEBITS[quota.debit_event]}"


def price_words(tariff: TariffRule) -> str:
    """A tariff: `1.4 €/km² archive, 1.8 €/km² tasking, ×2 stereo, ×3 tri-stereo, at least 100 km²`."""
    prices = (("archive", tariff.archive_eur_per_km2), ("tasking", tariff.tasking_eur_per_km2))
    parts = [f"{number_words(price)} €/km² {kind}" for kind, price in prices if price is not None]
    parts += [f"{number_words(each.km2)} km² for {number_words(each.eur)} €" for each in tariff.tranches]
    parts += [f"×{number_words(tariff.stereo_factor)} stereo", f"×{number_words(tariff.tristereo_factor)} tri-stereo"]
    if tariff.minimum_km2:
        parts.append(f"at least {number_words(tariff.minimum_km2)} km²")
    return ", ".join(parts)


def rights_words(rule: Rule) -> list[str]:
    """The rights that a rule gives, one per line: `download: member_signed (licence uia-pleiades 1, except kourou)`."""
    licence = f"licence {rule.licence.id} {rule.licence.version}" if rule.licence else ""
    download = (licence, f"except {rule.exclusion}" if rule.exclusion else "")
    order = (f"quota {rule.quota}" if rule.quota else "", f"tariff {rule.tariff}" if rule.tariff else "")
    return [
        f"see: {rule.visibility}",
        *([f"download: {rule.download}{_in_brackets(download)}"] if rule.download != Download.NONE else []),
        *([f"order: {rule.order}{_in_brackets(order)}"] if rule.order != Ordering.NONE else []),
    ]


def _in_brackets(words: tuple[str, ...]) -> str:
    said = ", ".join(filter(None, words))
    return f" ({said})" if said else ""


def validity_words(policies: PolicySet) -> str:
    """Where a set comes from: `2024-Q2, from 2024-05-07: DINAMIS presentation 2024/25`."""
    return f"{policies.id}, from {policies.valid_from:%Y-%m-%d}: {policies.source_document}"
