"""The commands `access`: why somebody may do something, or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.table import Column, Table

from database.commands.opening import ready_database
from database.commands.terminal import OUT, json_option, print_json, print_plain, say
from stac_api.access.policy import Category
from stac_api.commands.moments import at_option

if TYPE_CHECKING:
    from psycopg import Connection

    from stac_api.access.explanation import Explanation, Language
    from stac_api.access.policy import PolicySet
    from stac_api.access.principal import Principal

LANGUAGES = ("en", "fr")


@click.group()
def access() -> None:
    """Find out who may do what, and why."""


@access.command()
@click.option("--user", metavar="PERSON", help="Name, e-mail address or id of a person, with all that is granted.")
@click.option(
    "--category",
    type=click.Choice([each.value for each in Category]),
    help="Anybody of this category who signed nothing yet.",
)
@click.option("--collection", required=True, help="Id of the collection.")
@click.option("--item", help="Id of one of its Items: the rules may depend on where it lies.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the answer.")
@at_option
@json_option
def explain(
    user: str | None,
    category: str | None,
    collection: str,
    item: str | None,
    language: Language,
    at: datetime,
    as_json: bool,
) -> None:
    """Say who may do what with a collection, and by which rule. It answers for a person, or for anybody of a category.

    With --at the rules and the memberships of that time decide; signatures count whenever they were given.

    \b
      dinamis access explain --category SCI_FR --collection pleiades
      dinamis access explain --user marie@example.org --collection pleiades --item PHR1A_202108151541301
      dinamis access explain --category PUBLIC --collection pleiades --at 2022-11-01
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.explanation import explanations
    from stac_api.access.register.decision_inputs import resource_of
    from stac_api.access.rules.store import in_force

    if (user is None) == (category is None):
        raise click.UsageError("name either --user or --category")
    with ready_database().connect("owner") as connection:
        policies = in_force(connection, at)
        principal = _principal(connection, user, category, at)
        is_known = connection.execute("SELECT FROM pgstac.collections WHERE id = %s", (collection,)).rowcount
        found = explanations(principal, resource_of(connection, collection, item), policies)
    if not is_known:
        say(f"The catalogue has no collection {collection}: this is what holds once it has.")
    if as_json:
        print_json([_as_json(each, policies, language) for each in found])
    else:
        _print(found, policies, language)


def _principal(connection: Connection[Any], user: str | None, category: str | None, at: datetime) -> Principal:
    from stac_api.access.explanation import somebody_of
    from stac_api.access.register.decision_inputs import principal_at
    from stac_api.access.register.people import person_of

    if category:
        return somebody_of(Category(category))
    return principal_at(connection, person_of(connection, user or ""), at)


def _as_json(explanation: Explanation, policies: PolicySet | None, language: Language) -> Mapping[str, Any]:
    from stac_api.access.explanation import rule_words

    decision = explanation.decision
    return {
        "action": explanation.action,
        "outcome": explanation.outcome,
        "reasons": decision.reasons,
        "text": explanation.text(language),
        "category": decision.capacity.category if decision.capacity else None,
        "policy_set": policies.id if policies else None,
        "rule": rule_words(decision, policies, language),
    }


def _print(found: list[Explanation], policies: PolicySet | None, language: Language) -> None:
    from stac_api.access.explanation import rule_words
    from stac_api.access.rules.words import validity_words

    print_plain(validity_words(policies) if policies else "No rules are in force: everything is hidden.")
    table = Table("answer", "as", Column("by", overflow="fold"), show_lines=True)
    styles = {"allowed": "green", "on-condition": "yellow", "refused": "red"}
    for each in found:
        decision = each.decision
        category = decision.capacity.category if decision.capacity else "operator" if decision.allowed else ""
        table.add_row(
            f"[{styles[each.outcome]}]{each.text(language)}[/]", category, rule_words(decision, policies, language)
        )
    OUT.print(table)
