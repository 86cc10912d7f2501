"""The documentation page of the rules, with every source and every assumption."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from stac_api.access.policy import PolicySet, QuotaRule, Rule, TariffRule
from stac_api.access.rules.changes import Change, changes
from stac_api.access.rules.files import Rules
from stac_api.access.rules.licences import Licence
from stac_api.access.rules.words import price_words, quota_words, rights_words


def rules_page(rules: Rules, collections: Collection[str]) -> str:
    """Markdown below the heading of the page: the last set in full, then the history of the rules, then licences.

    Args:
        rules: All rules.
        collections: The existing collections.
    """
    *_, last = rules.sets
    lines = [
        *_last_set(last),
        *_history(rules.sets, collections),
        "## Licences",
        "",
        *_table(("Licence", "Version", "Kind", "Title"), map(_licence_row, rules.licences)),
    ]
    return "\n".join(lines)


def _last_set(policies: PolicySet) -> Iterator[str]:
    yield from (
        f"## {policies.id}, from {policies.valid_from:%d %B %Y}",
        "",
        f"Source: {policies.source_document}.",
        "",
    )
    yield from (*_bullets(policies.notes), "")
    yield from _table(("Collections", "Categories", "Rights", "Source"), map(_rule_row, policies.rules))
    yield from ("### Quotas", "")
    quotas = ((f"`{name}`", quota_words(each), *_cited(each)) for name, each in policies.quotas.items())
    yield from _table(("Quota", "Free of charge", "Source", "Assumptions"), quotas)
    yield from ("### Tariffs", "", "Beyond the quota, or without one; VAT is not included.", "")
    tariffs = ((f"`{name}`", price_words(each), *_cited(each)) for name, each in policies.tariffs.items())
    yield from _table(("Tariff", "Price", "Source", "Assumptions"), tariffs)
    yield from ("### Excluded areas", "")
    areas = ((f"`{name}`", each.title, each.source) for name, each in policies.exclusions.items())
    yield from _table(("Area", "Title", "Source"), areas)


def _history(sets: Collection[PolicySet], collections: Collection[str]) -> Iterator[str]:
    yield from ("## How the rules changed", "")
    for before, after in reversed(list(pairwise(sets))):
        yield from (f"### From {before.id} to {after.id}, on {after.valid_from:%d %B %Y}", "")
        found = changes(before, after, collections)
        yield from _table(("", "Who", "Right", "Before", "After", "Where"), map(_change_row, found))
    first, *_ = sets
    yield from (f"### {first.id}, from {first.valid_from:%d %B %Y}", "", f"Source: {first.source_document}.", "")
    yield from (*_bullets(first.notes), "")


def _rule_row(rule: Rule) -> tuple[str, ...]:
    assumptions = "".join(f"<br>*Assumption: {each}*" for each in rule.assumptions)
    collections = "<br>".join(f"`{each}`" for each in rule.collections)
    return collections, "<br>".join(rule.categories), "<br>".join(rights_words(rule)), rule.source + assumptions


def _change_row(change: Change) -> tuple[str, ...]:
    where = ", ".join(f"`{each}`" for each in change.collections)
    return change.effect, change.who, change.right, change.before, change.after, where


def _licence_row(licence: Licence) -> tuple[str, ...]:
    return f"`{licence.id}`", str(licence.version), licence.kind, f"[{licence.title}]({licence.href})"


def _cited(rule: QuotaRule | TariffRule) -> tuple[str, str]:
    return rule.source, "<br>".join(rule.assumptions)


def _bullets(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {each}" for each in sentences)


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (heading, ("---",) * len(heading), *rows):
        yield f"| {' | '.join(each.replace('|', '&#124;') for each in cells)} |"
    yield ""
