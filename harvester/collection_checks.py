"""Checks a directory of collection documents further than reading them does.

The documents are compared with the sources, sensors and access rules that they rely on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from database.documents.located_yaml import Problem, read_located_yaml
from database.documents.mistakes import advice, did_you_mean
from harvester.collection_documents import CollectionDocument, problem_at, read_directory
from harvester.collection_model import SHARED_OPTIONS, SourceChoice
from harvester.sensors import read_sensors
from harvester.sources.registry import OPTIONS


def check_collection_documents(directory: Path) -> list[Problem]:
    """All problems of a directory of documents and of its `sensors/`, with file and line; empty where all is well."""
    documents, problems = read_directory(directory)
    sensors, of_sensors = read_sensors(directory / "sensors")
    problems += [*_refused_options(documents), *_uncovered(directory, documents)]
    if not of_sensors:  # the known missions are known only where every sensor document can be read
        problems += _unread(documents, {code for sensor in sensors for code in sensor.satellites})
    return sorted([*problems, *of_sensors])


def _refused_options(documents: Iterable[CollectionDocument]) -> Iterator[Problem]:
    """A problem for each option that the source's module does not accept."""
    for document in documents:
        for index, choice in enumerate(document.harvest.sources):
            options = OPTIONS[choice.source]
            try:
                options.model_validate({"url": "https://to.be.said.example", **choice.given_options})
            except ValidationError as error:
                for mistake in error.errors(include_url=False):
                    holder = () if SHARED_OPTIONS.intersection(mistake["loc"][:1]) else ("options",)
                    place = ("harvest", "sources", index, *holder, *mistake["loc"])
                    yield problem_at(document.file, place, _option_mistake(choice, mistake, options))


def _option_mistake(choice: SourceChoice, mistake: ErrorDetails, options: type[BaseModel]) -> str:
    name = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"{choice.source} has no option {name!r}{did_you_mean(name, options.model_fields)}"
    if mistake["type"] == "missing":
        return f"{choice.source} needs the option {name!r}: add it"
    what_to_do = advice(mistake["type"], mistake["msg"], mistake["input"])
    return f"{choice.source} does not take this{f' as {name}' if name else ''}: {what_to_do}"


def _unread(documents: Iterable[CollectionDocument], known: Collection[str]) -> Iterator[Problem]:
    """A warning for each mission that a collection accepts and no sensor document knows."""
    for document in documents:
        for index, mission in enumerate(document.missions):
            if mission not in known:
                message = (
                    f"no sensor document knows {mission}, so its deliveries are refused: add it to the satellites of "
                    f"one{did_you_mean(mission, known)}"
                )
                yield problem_at(document.file, ("harvest", "accepts", "missions", index), message, "warning")


def _uncovered(directory: Path, documents: Iterable[CollectionDocument]) -> list[Problem]:
    """A warning for each collection that no rule set names, as the catalogue hides it."""
    if not (directory / "rules").is_dir():
        return []
    names = {name for file in (directory / "rules").glob("*.yaml") for name in _ruled(file)}
    return [
        problem_at(document.file, ("stac", "id"), f"no rule set covers {document.id!r}: it is hidden", "warning")
        for document in documents
        if not any(fnmatchcase(document.id, name) for name in names)
    ]


def _ruled(file: Path) -> Iterator[str]:
    """The ids and patterns of collections in a rule set, which `dinamis rules check` reads strictly."""
    content = read_located_yaml(file).data
    rules = content.get("rules") if isinstance(content, dict) else None
    for rule in rules if isinstance(rules, list) else ():
        names = rule.get("collections") if isinstance(rule, dict) else None
        yield from (name for name in (names if isinstance(names, list) else ()) if isinstance(name, str))
