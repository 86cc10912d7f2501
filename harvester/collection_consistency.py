"""Finds parts of a collection document that are valid each, but contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from database.documents.located_yaml import Place
from database.documents.mistakes import did_you_mean
from harvester.collection_model import CollectionContent
from harvester.queryables import QUERYABLES
from harvester.queryables.of_sources import SOURCE_PROPERTIES

#: Properties of a collection that its Items do not have.
_COLLECTION_ONLY = frozenset({"dinamis:scene_size_km"})


def inconsistencies(name: str, content: CollectionContent) -> Iterator[tuple[Place, str]]:
    """The contradictions in a document, each with its place.

    Args:
        name: name of its file, without the suffix.
        content: the document, validated by the model.
    """
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
