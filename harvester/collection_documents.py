"""Collection documents: one YAML file per collection, read strictly, each mistake explained with its line.

    documents = load_collection_documents(default_collections_directory())
    documents["pleiades"].published("en")            # STAC Collection as JSON data
    documents.accepting("PHR1A", "PHR_ORTHO").id     # "pleiades"

Documents are data: names, addresses, numbers and lists. What needs a condition or a template belongs in a source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from database.documents.located_yaml import Place, Problem, read_located_yaml
from database.documents.mistakes import dotted, explained, validated
from database.documents.packaged import default_collections_directory
from harvester.collection_consistency import inconsistencies
from harvester.collection_model import CollectionContent, Harvest, SourceChoice
from harvester.errors import CollectionDocumentError
from harvester.queryables import DEFAULT_LANGUAGE, queryables
from harvester.queryables.of_sources import queryables_of_sources

__all__ = [
    "CollectionDocument",
    "CollectionDocuments",
    "default_collections_directory",
    "load_collection_documents",
    "problem_at",
    "queryables_of",
    "read_directory",
]

LANGUAGE_EXTENSION = "https://stac-extensions.github.io/language/v1.0.0/schema.json"

_LANGUAGES = {
    "fr": {"code": "fr", "name": "Français", "alternate": "French"},
    "en": {"code": "en", "name": "English", "alternate": "English"},
}

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
        """The title, in French where the document is not translated into the language."""
        return str(self.published(language)["title"])

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes of the document, French first."""
        return (DEFAULT_LANGUAGE, *self.content.translations)

    def published(self, language: str = DEFAULT_LANGUAGE) -> dict[str, Any]:
        """The STAC 1.1 Collection as JSON data, in French where the document is not translated into the language.

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
        """The document with the highest priority that accepts deliveries of this satellite and metadata profile.

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
    documents, problems = read_directory(directory)
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise CollectionDocumentError(explained(errors))
    return CollectionDocuments(documents)


def read_directory(directory: Path) -> tuple[list[CollectionDocument], list[Problem]]:
    """The valid documents of a directory, and all problems in it."""
    files = sorted(directory.glob("*.yaml"))
    if not files:
        return [], [Problem(directory, 1, 1, "no *.yaml here: name a directory of collection documents")]
    read = [_read(file) for file in files]
    documents = [document for document, _ in read if document is not None]
    problems = [problem for _, found in read for problem in found]
    problems += [_misnamed(file) for file in sorted(directory.iterdir()) if file.suffix in (".yml", ".json", ".py")]
    return documents, problems + _contested(documents) + _disagreeing(documents) + _confused(documents)


def problem_at(file: Path, place: Place, message: str, severity: str = "error") -> Problem:
    """A problem at a place of a document, with the line and column of that place."""
    located = read_located_yaml(file)
    located.report_at(place, message, severity)
    return located.problems[-1]


def queryables_of(document: CollectionDocument, language: str = DEFAULT_LANGUAGE) -> dict[str, dict[str, Any]]:
    """JSON Schema of every property that this collection publishes, by name, with texts in one language."""
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
        for place, message in inconsistencies(path.stem, content):
            located.report_at(place, f"{dotted(place)}: {message}")
    usable = content is not None and not located.problems
    return (CollectionDocument(path, content) if usable and content else None), located.problems


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
                problems.append(problem_at(document.file, ("harvest", "accepts", "missions", index), message))
    return problems


def _disagreeing(documents: Iterable[CollectionDocument]) -> list[Problem]:
    """One problem for each queryable whose type differs in an earlier document: the catalogue has one type for each."""
    types: dict[str, tuple[str, str]] = {}
    problems = []
    for document in documents:
        for name, queryable in document.content.queryables.items():
            owner, expected = types.setdefault(name, (document.id, queryable.type))
            if queryable.type != expected:
                message = f"{name} is a {expected} in {owner!r}: give it the same type here, or another name"
                problems.append(problem_at(document.file, ("queryables", name, "type"), message))
    return problems


def _confused(documents: Iterable[CollectionDocument]) -> list[Problem]:
    """One problem for each source that has the name of another one: record ids are unique only within a name."""
    owners: dict[str, tuple[CollectionDocument, SourceChoice]] = {}
    problems = []
    for document in documents:
        for index, choice in enumerate(document.harvest.sources):
            # The record id of a delivery is the whole address of its file.
            if choice.source == "deliveries":
                continue
            owner, known = owners.setdefault(choice.label, (document, choice))
            if choice.source != known.source or not _share_address(choice, known):
                message = (
                    f"{owner.id!r} has another source named {choice.label!r} ({known.source}, {known.url}): give one "
                    "of them another name"
                )
                problems.append(problem_at(document.file, ("harvest", "sources", index), message))
    return problems


def _share_address(choice: SourceChoice, known: SourceChoice) -> bool:
    return None in (choice.url, known.url) or str(choice.url).rstrip("/") == str(known.url).rstrip("/")
