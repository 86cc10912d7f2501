"""Collection documents: one YAML file per collection, read strictly, each mistake explained with its line.

    documents = load_collection_documents(default_collections_directory())
    documents["pleiades"].published("en")            # STAC Collection as JSON data
    documents.accepting("PHR1A", "PHR_ORTHO").id     # "pleiades"

Documents are data: names, addresses, numbers and lists. What needs a condition or a template belongs in a source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from database.documents.located_yaml import LocatedDocument, Place, Problem, read_located_yaml
from database.documents.mistakes import did_you_mean, dotted, explained, validated
from database.documents.packaged import default_collections_directory
from harvester.collection_model import CollectionContent, Harvest, SourceChoice
from harvester.errors import CollectionDocumentError
from harvester.queryables import DEFAULT_LANGUAGE, QUERYABLES, queryables
from harvester.queryables.of_sources import SOURCE_PROPERTIES, queryables_of_sources
from harvester.sensors import read_sensors
from harvester.sources.registry import OPTIONS

__all__ = [
    "CollectionDocument",
    "CollectionDocuments",
    "Problem",
    "check_collection_documents",
    "default_collections_directory",
    "load_collection_documents",
    "queryables_of",
]

LANGUAGE_EXTENSION = "https://stac-extensions.github.io/language/v1.0.0/schema.json"

_LANGUAGES = {
    "fr": {"code": "fr", "name": "Français", "alternate": "French"},
    "en": {"code": "en", "name": "English", "alternate": "English"},
}

#: Properties of a collection that its Items do not have.
_COLLECTION_ONLY = frozenset({"dinamis:scene_size_km"})

_TRANSLATED_FIELDS = ("title", "description", "keywords", "item_assets")

_STAC_FIELDS = ("providers", "attribution", "extent", "summaries", "item_assets", "links")


@dataclass(frozen=True)
class CollectionDocument:
    """One collection: what is published and how it is harvested."""

    file: Path
    content: CollectionContent

    @property
    def id(self) -> str:
        """The collection's id, which is also the name of its file."""
        return self.content.stac.id

    @property
    def harvest(self) -> Harvest:
        """Where the records of the collection come from."""
        return self.content.harvest

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, in order of precedence."""
        return tuple(choice.source for choice in self.harvest.sources)

    @property
    def missions(self) -> tuple[str, ...]:
        """Codes of the satellites whose deliveries come here; empty where none do by themselves."""
        return tuple(self.harvest.accepts.missions) if self.harvest.accepts else ()

    def title(self, language: str = DEFAULT_LANGUAGE) -> str:
        """The title, in French where the document does not speak the language."""
        return str(self.published(language)["title"])

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages of the document, French first."""
        return (DEFAULT_LANGUAGE, *self.content.translations)

    def published(self, language: str = DEFAULT_LANGUAGE) -> dict[str, Any]:
        """The STAC 1.1 Collection as JSON data, in French where the document does not speak the language.

        The links that depend on the server (self, items, queryables…) are left to the API.
        """
        spoken = language if language in self.languages else DEFAULT_LANGUAGE
        stac = self.content.stac.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {
            "type": "Collection",
            "stac_version": "1.1.0",
            "stac_extensions": sorted({*stac["stac_extensions"], LANGUAGE_EXTENSION}),
            "id": self.id,
            "language": _LANGUAGES[spoken],
            "languages": [_LANGUAGES[code] for code in self.languages if code != spoken],
            "license": stac["license"],
            **{name: stac[name] for name in _STAC_FIELDS if name in stac},
            **self.words(spoken),
        }

    def words(self, language: str) -> dict[str, Any]:
        """What differs between the languages: title, description, keywords and the titles of the Item assets."""
        stac = self.content.stac.model_dump(mode="json", by_alias=True, exclude_none=True)
        words: dict[str, Any] = {name: stac[name] for name in _TRANSLATED_FIELDS if name in stac}
        if language == DEFAULT_LANGUAGE:
            return words
        translated = next(words for code, words in self.content.translations.items() if code == language)
        translation = translated.model_dump(mode="json", exclude_none=True)
        translated_assets = translation.pop("item_assets")
        if "item_assets" in words:
            assets = words["item_assets"]
            translation["item_assets"] = {key: assets[key] | translated_assets.get(key, {}) for key in assets}
        return words | translation


class CollectionDocuments(Mapping[str, CollectionDocument]):
    """The documents of a directory by collection id, in alphabetical order."""

    def __init__(self, documents: Iterable[CollectionDocument]) -> None:
        self._documents = {document.id: document for document in sorted(documents, key=lambda each: each.id)}

    def __getitem__(self, collection: str) -> CollectionDocument:
        return self._documents[collection]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def accepting(self, mission: str, profile: str) -> CollectionDocument:
        """The document of greatest priority that accepts deliveries of this satellite and metadata profile.

        Raises:
            CollectionDocumentError: if no document accepts them.
        """
        candidates = [document for document in self.values() if _accepts(document, mission, profile)]
        if not candidates:
            raise CollectionDocumentError(
                f"no collection accepts deliveries of {mission} with the profile {profile}: name one with "
                f"--collection, or add {mission} to harvest.accepts.missions of a collection document"
            )
        return max(candidates, key=_priority)


def load_collection_documents(directory: Path) -> CollectionDocuments:
    """Read every `*.yaml` of a directory, without its sub-directories.

    Raises:
        CollectionDocumentError: with file, line and column of every problem and how to mend it.
    """
    documents, problems = _read_directory(directory)
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise CollectionDocumentError(explained(errors))
    return CollectionDocuments(documents)


def check_collection_documents(directory: Path) -> list[Problem]:
    """All problems of a directory of documents and its `sensors/`, by file and line; an empty list is a good sign."""
    documents, problems = _read_directory(directory)
    sensors, of_sensors = read_sensors(directory / "sensors")
    # Which missions are known can be told only where every sensor document can be read.
    known = None if of_sensors else {code for sensor in sensors for code in sensor.satellites}
    problems += [*_refused_options(documents), *_unread(documents, known), *_uncovered(directory, documents)]
    return sorted([*problems, *of_sensors])


def queryables_of(document: CollectionDocument, language: str = DEFAULT_LANGUAGE) -> dict[str, dict[str, Any]]:
    """JSON Schema of every property that this collection publishes, by name, with words in one language."""
    own = {}
    for name, queryable in document.content.queryables.items():
        schema = queryable.model_dump(mode="json", exclude_none=True, exclude={"translations"})
        words = queryable.model_dump(mode="json", exclude_none=True)["translations"]
        own[name] = schema | words.get(language, {})
    return queryables(language) | queryables_of_sources(document.sources, language) | own


def _accepts(document: CollectionDocument, mission: str, profile: str) -> bool:
    accepts = document.harvest.accepts
    if accepts is None or mission not in accepts.missions:
        return False
    return not accepts.profiles or profile.startswith(tuple(accepts.profiles))


def _priority(document: CollectionDocument) -> int:
    return document.harvest.accepts.priority if document.harvest.accepts else 0


def _read(path: Path) -> tuple[CollectionDocument | None, list[Problem]]:
    located = read_located_yaml(path)
    content = validated(located, CollectionContent)
    if content is not None:
        _report_inconsistent(located, content)
    usable = content is not None and not located.problems
    return (CollectionDocument(path, content) if usable and content else None), located.problems


def _read_directory(directory: Path) -> tuple[list[CollectionDocument], list[Problem]]:
    files = sorted(directory.glob("*.yaml"))
    if not files:
        return [], [Problem(directory, 1, 1, "no *.yaml here: name a directory of collection documents")]
    read = [_read(file) for file in files]
    documents = [document for document, _ in read if document is not None]
    problems = [problem for _, found in read for problem in found]
    problems += [_misnamed(file) for file in sorted(directory.iterdir()) if file.suffix in (".yml", ".json", ".py")]
    return documents, problems + _contested(documents) + _disagreeing(documents) + _confused(documents)


def _misnamed(file: Path) -> Problem:
    if file.suffix == ".py":
        return Problem(file, 1, 1, "Python does not belong among the collection documents: move it away")
    return Problem(file, 1, 1, f"this file is not read: name it {file.stem}.yaml", "warning")


def _contested(documents: Iterable[CollectionDocument]) -> list[Problem]:
    """One problem for each mission that an earlier document accepts at the same priority."""
    owners: dict[tuple[str, int], CollectionDocument] = {}
    problems = []
    for document in documents:
        accepts = document.harvest.accepts
        for index, mission in enumerate(accepts.missions if accepts else ()):
            owner = owners.setdefault((mission, _priority(document)), document)
            if owner is not document:
                message = (
                    f"{mission} is accepted by {owner.id!r} too, at the same priority {_priority(document)}: remove "
                    f"it from one of them, or give one a greater harvest.accepts.priority"
                )
                problems.append(_problem(document.file, ("harvest", "accepts", "missions", index), message))
    return problems


def _disagreeing(documents: Iterable[CollectionDocument]) -> list[Problem]:
    """One problem for each queryable that an earlier document gives another type: the catalogue has one type each."""
    types: dict[str, tuple[str, str]] = {}
    problems = []
    for document in documents:
        for name, queryable in document.content.queryables.items():
            owner, expected = types.setdefault(name, (document.id, queryable.type))
            if queryable.type != expected:
                message = f"{name} is a {expected} in {owner!r}: give it the same type here, or another name"
                problems.append(_problem(document.file, ("queryables", name, "type"), message))
    return problems


def _confused(documents: Iterable[CollectionDocument]) -> list[Problem]:
    """One problem for each source that has the name of another one: the ids of records are unique within a name."""
    owners: dict[str, tuple[CollectionDocument, SourceChoice]] = {}
    problems = []
    for document in documents:
        for index, choice in enumerate(document.harvest.sources):
            # The records of deliveries are named by the whole address of their file.
            if choice.source == "deliveries":
                continue
            owner, known = owners.setdefault(choice.label, (document, choice))
            if choice.source != known.source or not _share_address(choice, known):
                message = (
                    f"{owner.id!r} has another source named {choice.label!r} ({known.source}, {known.url}): give one "
                    "of them another name"
                )
                problems.append(_problem(document.file, ("harvest", "sources", index), message))
    return problems


def _share_address(choice: SourceChoice, known: SourceChoice) -> bool:
    return None in (choice.url, known.url) or str(choice.url).rstrip("/") == str(known.url).rstrip("/")


def _refused_options(documents: Iterable[CollectionDocument]) -> Iterator[Problem]:
    """A problem for each option that the module of its source does not take."""
    for document in documents:
        for index, choice in enumerate(document.harvest.sources):
            options = OPTIONS[choice.source]
            try:
                options.model_validate({"url": choice.url or "https://to.be.said.example", **choice.options})
            except ValidationError as error:
                place = ("harvest", "sources", index, "options")
                for mistake in error.errors(include_url=False):
                    yield _problem(document.file, (*place, *mistake["loc"]), _option_mistake(choice, mistake, options))


def _option_mistake(choice: SourceChoice, mistake: ErrorDetails, options: type[BaseModel]) -> str:
    name = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"{choice.source} has no option {name!r}{did_you_mean(name, options.model_fields)}"
    if mistake["type"] == "missing":
        return f"{choice.source} needs the option {name!r}: add it"
    return f"{choice.source} does not take this{f' as {name}' if name else ''}: {mistake['msg']}"


def _problem(file: Path, place: Place, message: str, severity: str = "error") -> Problem:
    located = read_located_yaml(file)
    located.report_at(place, message, severity)
    return located.problems[-1]


def _unread(documents: Iterable[CollectionDocument], known: Collection[str] | None) -> Iterator[Problem]:
    """A warning for each mission whose deliveries a collection takes, and that no sensor document knows."""
    for document in documents if known is not None else ():
        for index, mission in enumerate(document.missions if "deliveries" in document.sources else ()):
            if mission not in (known or ()):
                message = (
                    f"no sensor document knows {mission}, so its deliveries are refused: add it to the satellites of "
                    f"one{did_you_mean(mission, known or ())}"
                )
                yield _problem(document.file, ("harvest", "accepts", "missions", index), message, "warning")


def _uncovered(directory: Path, documents: Iterable[CollectionDocument]) -> list[Problem]:
    """A warning for each collection that no rule set names: the catalogue hides it."""
    if not (directory / "rules").is_dir():
        return []
    names = {name for file in (directory / "rules").glob("*.yaml") for name in _ruled(file)}
    return [
        _problem(document.file, ("stac", "id"), f"no rule set covers {document.id!r}: it is hidden", "warning")
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


def _report_inconsistent(located: LocatedDocument, content: CollectionContent) -> None:
    for place, message in _inconsistencies(located.file.stem, content):
        located.report_at(place, f"{dotted(place)}: {message}")


def _inconsistencies(name: str, content: CollectionContent) -> Iterator[tuple[Place, str]]:
    """Where parts of a document, each valid in itself, do not fit together."""
    stac = content.stac
    if stac.id != name:
        yield ("stac", "id"), f"{stac.id!r} is not the name of the file: rename the file to {stac.id}.yaml"
    if stac.license == "other" and not any(link.rel == "license" for link in stac.links):
        yield ("stac", "license"), "'other' needs a link with rel: license under stac.links, where the text stands"
    yield from _foreign_summaries(content)
    yield from _foreign_translations(content)
    yield from _redefined_queryables(content)
    yield from _unknown_expectations(content)


def _published_properties(content: CollectionContent) -> set[str]:
    return {*QUERYABLES, *_properties_of_sources(content), *content.queryables}


def _properties_of_sources(content: CollectionContent) -> set[str]:
    return {name for choice in content.harvest.sources for name in SOURCE_PROPERTIES.get(choice.source, ())}


def _foreign_summaries(content: CollectionContent) -> Iterator[tuple[Place, str]]:
    known = _published_properties(content) | _COLLECTION_ONLY | {"bands"}
    for name in content.stac.summaries.__pydantic_extra__:
        if name not in known:
            place = ("stac", "summaries", name)
            yield place, f"no Item has this property{did_you_mean(name, known)} (or declare it under queryables)"


def _foreign_translations(content: CollectionContent) -> Iterator[tuple[Place, str]]:
    assets = content.stac.item_assets or {}
    for language, translation in content.translations.items():
        for key in translation.item_assets:
            if key not in assets:
                place = ("translations", language, "item_assets", key)
                yield place, f"stac.item_assets has no such key{did_you_mean(key, assets)}"


def _redefined_queryables(content: CollectionContent) -> Iterator[tuple[Place, str]]:
    of_sources = _properties_of_sources(content)
    for name in content.queryables:
        if name in QUERYABLES:
            yield ("queryables", name), "every collection of the platform has this property: remove it here"
        elif name in of_sources:
            yield ("queryables", name), "a source of the collection declares this property itself: remove it here"


def _unknown_expectations(content: CollectionContent) -> Iterator[tuple[Place, str]]:
    expect, known = content.expect, _published_properties(content)
    if None not in (expect.min_items, expect.max_items) and (expect.min_items or 0) > (expect.max_items or 0):
        yield ("expect", "min_items"), "more than max_items: exchange the two numbers"
    for index, name in enumerate(expect.required):
        if name not in known:
            place = ("expect", "required", index)
            yield (
                place,
                f"no Item has the property {name!r}{did_you_mean(name, known)} (or declare it under queryables)",
            )
