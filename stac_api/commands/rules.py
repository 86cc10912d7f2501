"""The commands `rules`: who may see, download and order what, as dated sets that are activated without a release."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Column, Table

from database.commands.opening import ready_database, settings_of
from database.commands.terminal import OUT, Failure, confirm, json_option, print_json, print_plain
from stac_api.commands.moments import at_option, shown_moment

if TYPE_CHECKING:
    from psycopg import Connection

    from database.connections import Role
    from stac_api.access.policy import PolicySet
    from stac_api.access.rules.changes import Change
    from stac_api.access.rules.files import Rules
    from stac_api.access.rules.settings import RuleSettings
    from stac_api.access.rules.store import StoredSet

#: The name on the command line for the set in force.
IN_FORCE = "in-force"

by_option = click.option("--by", default=getuser, metavar="NAME", help="Who does it; by default who is logged in.")


@click.group()
def rules() -> None:
    """Manage the rules: who may see, download and order what. Each set holds from a date on.

    A policy set is one decision of the institution, written as YAML in the folder `rules` of the collection documents
    (DINAMIS_COLLECTIONS, the packaged ones by default). Activated, it holds from its date until the next set begins;
    the server follows within a second. What was in force is never rewritten.

    \b
      dinamis rules check                          are they well written?
      dinamis rules diff in-force 2026-Q1          who gains and who loses what?
      dinamis rules activate 2026-Q1               put them in force from their date on
      dinamis rules show --at 2022-11-01           what held then?
    """  # noqa: D301  # click needs the character, which a raw string lacks


@rules.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@json_option
def check(directory: Path | None, as_json: bool) -> None:
    """Check every rule file. Each mistake is explained with its file and line.

    It also reports collections that no rule names (they are hidden), rules for collections that do not exist, and rules
    that compete. Without DIRECTORY the rules in use are checked. Exit code: 0 without errors, 1 with some.
    """
    from stac_api.access.rules.files import check_rules, collections_beside

    settings = _settings()
    problems = check_rules(directory or settings.rules, collections_beside(settings.collections))
    errors = sum(problem.is_error for problem in problems)
    if as_json:
        print_json([problem.as_json() for problem in problems])
    else:
        for problem in problems:
            print_plain(str(problem))
        print_plain(f"{directory or settings.rules}: {errors} errors, {len(problems) - errors} warnings")
    sys.exit(1 if errors else 0)


@rules.command()
@click.argument("before")
@click.argument("after")
@json_option
def diff(before: str, after: str, as_json: bool) -> None:
    """Compare two sets: who gains and who loses what.

    BEFORE and AFTER are files, ids of sets, or `in-force` for the one in force now.

    \b
      dinamis rules diff 2022-Q4 2024-Q2
      dinamis rules diff in-force ./rules/2027-Q1.yaml
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.rules.changes import changes
    from stac_api.access.rules.files import collections_beside

    collections = collections_beside(_settings().collections)
    found = changes(_called(before), _called(after), collections)
    if as_json:
        print_json([vars(change) for change in found])
        return
    _print_changes(found)


@rules.command()
@click.argument("sets", nargs=-1)
def load(sets: tuple[str, ...]) -> None:
    """Store sets as drafts, and publish their licences. Drafts are not in force.

    SETS are files or ids; without any, all of the folder in use are loaded.
    """
    from stac_api.access.rules.licences import publish
    from stac_api.access.rules.store import load_draft

    wanted, written = _wanted(sets)
    with _connection("owner") as connection:
        for licence in publish(connection, written.licences):
            print_plain(f"licence {licence.id} version {licence.version}: published")
        for policies in wanted:
            print_plain(f"{policies.id}: {'loaded as draft' if load_draft(connection, policies) else 'unchanged'}")


@rules.command()
@click.argument("sets", nargs=-1)
@click.option("--now", is_flag=True, help="Let the one set begin at once, whatever date it bears.")
@by_option
def activate(sets: tuple[str, ...], now: bool, by: str) -> None:
    """Put sets in force from their dates on. Those already active stay.

    SETS are files or ids; without any, all in the folder in use are activated. A set must begin in the future, or
    before all active ones, or anywhere while there is none. It ends where the next one begins.

    \b
      dinamis rules activate
      dinamis rules activate ./rules/2027-Q1.yaml --by "Comité DINAMIS"
      dinamis rules activate ./rules/emergency.yaml --now
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.rules import store as rule_store

    wanted, written = _wanted(sets)
    if now and len(wanted) != 1:
        raise click.UsageError("--now is for one set: name it")
    with _connection("owner") as connection:
        if now:
            activated = [rule_store.activate_now(connection, wanted[0], written.licences, by=by).id]
        else:
            activated = rule_store.activate(connection, wanted, written.licences, by=by)
        _print_history(each for each in rule_store.history(connection) if each.id in {set_.id for set_ in wanted})
    print_plain(f"activated: {', '.join(activated) or 'none, they were active already'}")


@rules.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@by_option
def rollback(yes: bool, by: str) -> None:
    """Undo the last activation.

    A set that has not begun yet becomes a draft again. If the last one is in force, the previous rules begin again now,
    under another id: the history shows both.
    """
    from stac_api.access.rules import store as rule_store

    with _connection("owner") as connection:
        last = [each for each in rule_store.history(connection) if each.state == "active"][-1:]
        if not yes and last:
            confirm(f"Take {last[0].id} back, in force from {shown_moment(last[0].begins)} UTC?")
        policies = rule_store.rollback(connection, by=by)
    print_plain(f"{policies.id} holds in its place, from {shown_moment(policies.valid_from)} UTC")


@rules.command()
@at_option
@click.option("--history", is_flag=True, help="List all sets instead, past, present and future, and the drafts.")
@json_option
def show(at: datetime, history: bool, as_json: bool) -> None:
    """Show the rules in force, now or at another time.

    \b
      dinamis rules show
      dinamis rules show --at 2022-11-01
      dinamis rules show --history
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.rules import store as rule_store

    with _connection("api") as connection:
        stored = rule_store.history(connection)
        policies = rule_store.in_force(connection, at)
    if history:
        print_json([each.as_json() for each in stored]) if as_json else _print_history(stored)
    elif policies is None:
        raise Failure(
            f"No rules are in force at {at:%Y-%m-%d}, so everything is hidden: run `dinamis rules activate`, or see "
            "`dinamis rules show --history`"
        )
    elif as_json:
        print_json(policies.model_dump(mode="json", exclude_defaults=True))
    else:
        _print_rules(policies)


@rules.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def page(directory: Path | None) -> None:
    """Print the rules as a Markdown page. It shows the last set, its history, and the licences.

    Each right, quota and price is given with its source and the assumptions made. Without DIRECTORY the rules in use
    are printed.

    \b
      dinamis rules page > access-rules.md
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from stac_api.access.rules.files import collections_beside, read_rules
    from stac_api.access.rules.page import rules_page

    settings = _settings()
    click.echo(rules_page(read_rules(directory or settings.rules), collections_beside(settings.collections)), nl=False)


def _settings() -> RuleSettings:
    from stac_api.access.rules.settings import RuleSettings

    return settings_of(RuleSettings)


@contextmanager
def _connection(role: Role) -> Iterator[Connection[Any]]:
    with ready_database(role).connect(role) as connection:
        yield connection


def _wanted(names: Sequence[str]) -> tuple[list[PolicySet], Rules]:
    """The sets with these names, and all rules in their folder."""
    from stac_api.access.rules.files import read_rules

    folders = {Path(name).parent for name in names if _is_file(name)} or {_settings().rules}
    if len(folders) > 1:
        raise click.UsageError("name files of one folder: its licences go with them")
    written = read_rules(folders.pop())
    if not names:
        return list(written.sets), written
    return [_among(written, Path(name).stem if _is_file(name) else name) for name in names], written


def _among(written: Rules, name: str) -> PolicySet:
    found = next((each for each in written.sets if each.id == name), None)
    if found is None:
        raise Failure(f"there is no set {name}; there are {', '.join(each.id for each in written.sets)}")
    return found


def _called(name: str) -> PolicySet | None:
    """The set named by a file, an id or `in-force`; None if none is in force."""
    from stac_api.access.rules.files import read_rules
    from stac_api.access.rules.store import history

    if _is_file(name):
        return _among(read_rules(Path(name).parent), Path(name).stem)
    if name == IN_FORCE:
        return _in_force()
    written = read_rules(_settings().rules)
    if any(each.id == name for each in written.sets):
        return _among(written, name)
    with _connection("api") as connection:
        stored = next((each.policies for each in history(connection) if each.id == name), None)
    return stored or _among(written, name)


def _in_force() -> PolicySet | None:
    from stac_api.access.rules.store import in_force

    with _connection("api") as connection:
        return in_force(connection, datetime.now(UTC))


def _is_file(name: str) -> bool:
    is_file = name.endswith((".yaml", ".yml"))
    if is_file and not Path(name).is_file():
        raise Failure(f"there is no file {name}")
    return is_file


def _print_changes(found: Sequence[Change]) -> None:
    for effect, heading in (("loses", "Lost"), ("gains", "Gained"), ("changes", "Otherwise")):
        changes = [change for change in found if change.effect == effect]
        OUT.print(f"{heading}: {len(changes) or 'nothing'}", style="bold", highlight=False)
        for change in changes:
            print_plain(f"  {change.right}: {change.before} → {change.after}")
            print_plain(f"      who    {change.who}")
            print_plain(f"      where  {', '.join(change.collections)}")


def _print_history(stored: Iterator[StoredSet] | Sequence[StoredSet]) -> None:
    table = Table(Column("set", no_wrap=True), "state", "from (UTC)", "until (UTC)", "source", "activated (UTC)")
    for each in stored:
        activated = f"{shown_moment(each.activated_at)} by {each.activated_by}" if each.activated_at else ""
        table.add_row(
            each.id, each.state, shown_moment(each.begins), shown_moment(each.ends), each.source_document, activated
        )
    OUT.print(table)


def _print_rules(policies: PolicySet) -> None:
    from stac_api.access.rules.words import rights_words, validity_words

    print_plain(validity_words(policies))
    table = Table("collections", "categories", "rights", show_lines=True)
    for rule in policies.rules:
        table.add_row("\n".join(rule.collections), "\n".join(rule.categories), "\n".join(rights_words(rule)))
    OUT.print(table, highlight=False)
    for note in policies.notes:
        print_plain(f"- {note}")
