"""The rule files: `<period>.yaml`, one per decision, and `licences/<id>-<version>.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from shapely import Polygon

from database.documents.located_yaml import LocatedDocument, Problem, read_located_yaml
from database.documents.mistakes import did_you_mean, explained, validated
from stac_api.access.errors import RulesMistaken
from stac_api.access.policy import PolicySet
from stac_api.access.rules.licences import Licence
from stac_api.access.rules.mistakes import report_suspicious

Model = TypeVar("Model", bound=BaseModel)

#: What a rule may refer to, and where it is defined in the same file.
_REFERENCES = {"exclusion": "exclusions", "quota": "quotas", "tariff": "tariffs"}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The contents of a directory of rules."""

    sets: tuple[PolicySet, ...]  #: in chronological order
    licences: tuple[Licence, ...]


def read_rules(directory: Path) -> Rules:
    """Read a directory of rules.

    Raises:
        RulesMistaken: with file, line and column of every mistake, and how to fix it.
    """
    rules, problems = _read(directory, None)
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise RulesMistaken(explained(errors))
    return rules


def check_rules(directory: Path, collections: Collection[str]) -> list[Problem]:
    """All mistakes in a directory of rules, and what is probably unintended, by file and line.

    Args:
        directory: The directory.
        collections: Ids of the collections that the rules are for.
    """
    return sorted(_read(directory, collections)[1])


def collections_beside(directory: Path) -> frozenset[str]:
    """Ids of the collections in a directory of collection documents, which are named after their collections."""
    return frozenset(file.stem for file in directory.glob("*.yaml"))


def _read(directory: Path, collections: Collection[str] | None) -> tuple[Rules, list[Problem]]:
    files = sorted(directory.glob("*.yaml"))
    if not files:
        return Rules(sets=(), licences=()), [Problem(directory, 1, 1, "no *.yaml here: name a directory of rules")]
    licences = [_read_licence(file) for file in sorted((directory / "licences").glob("*.yaml"))]
    sets = [_read_set(file) for file in files]
    for located, policies in sets:
        _report_unknown_licences(located, [licence for _, licence in licences if licence])
        if policies and collections is not None:
            report_suspicious(located, policies, collections)
    _report_simultaneous(sets)
    problems = [problem for located, _ in (*licences, *sets) for problem in located.problems]
    read = [policies for _, policies in sets if policies]
    return (
        Rules(
            sets=tuple(sorted(read, key=lambda each: each.valid_from)),
            licences=tuple(licence for _, licence in licences if licence),
        ),
        problems,
    )


def _read_licence(file: Path) -> tuple[LocatedDocument, Licence | None]:
    located = read_located_yaml(file)
    licence = validated(located, Licence)
    if licence:
        _report_misnamed(located, f"{licence.id}-{licence.version}")
    return located, licence


def _read_set(file: Path) -> tuple[LocatedDocument, PolicySet | None]:
    located = read_located_yaml(file)
    _report_dangling(located)
    policies = validated(located, PolicySet)
    if policies:
        _report_misnamed(located, policies.id)
        _report_invalid_areas(located, policies)
    return located, policies


def _report_misnamed(located: LocatedDocument, name: str) -> None:
    if located.file.stem != name:
        located.report_at(("id",), f"the file of this must be called {name}.yaml: rename it, or change the id")


def _report_invalid_areas(located: LocatedDocument, policies: PolicySet) -> None:
    for name, exclusion in policies.exclusions.items():
        if not Polygon(exclusion.polygon).is_valid:
            located.report_at(("exclusions", name, "polygon"), "the ring crosses itself: put its points in order")


def _report_dangling(located: LocatedDocument) -> None:
    """Report dangling references in rules, each with its line, and remove them."""
    for index, rule in _rules(located):
        for reference, defined in _REFERENCES.items():
            known = located.data.get(defined) or {}
            name = rule.get(reference)
            if isinstance(name, str) and isinstance(known, dict) and name not in known:
                place = ("rules", index, reference)
                located.report_at(place, f"{defined} has no {name!r}{did_you_mean(name, known)}")
                del rule[reference]


def _report_unknown_licences(located: LocatedDocument, licences: Iterable[Licence]) -> None:
    known = {(each.id, each.version) for each in licences}
    for index, rule in _rules(located):
        licence = rule.get("licence")
        if isinstance(licence, dict) and (licence.get("id"), licence.get("version")) not in known:
            name = f"{licence.get('id')}-{licence.get('version')}"
            hint = did_you_mean(name, (f"{known_id}-{version}" for known_id, version in known))
            located.report_at(("rules", index, "licence"), f"there is no licences/{name}.yaml{hint}")


def _report_simultaneous(sets: Iterable[tuple[LocatedDocument, PolicySet | None]]) -> None:
    begun: dict[Any, str] = {}
    for located, policies in sets:
        if policies and begun.setdefault(policies.valid_from, policies.id) != policies.id:
            message = f"{begun[policies.valid_from]} begins at the same time: give one of them a later valid_from"
            located.report_at(("valid_from",), f"{message} (today, if it is activated with --now)")


def _rules(located: LocatedDocument) -> list[tuple[int, dict[str, Any]]]:
    """The rules of a document that may be malformed in any way, with their indices."""
    rules = located.data.get("rules") if isinstance(located.data, dict) else None
    return [(index, rule) for index, rule in enumerate(rules or ()) if isinstance(rule, dict)]
