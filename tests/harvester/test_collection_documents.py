"""Collection documents as they are loaded: published, translated, and asked which deliveries they accept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harvester.collection_checks import check_collection_documents
from harvester.collection_documents import (
    load_collection_documents,
    queryables_of,
)
from tests.stac_schemas import validator


def test_adding_a_collection_is_adding_a_file(written: Callable[..., Path], schemas: Path) -> None:
    """An invented document in a directory of its own is published, accepts deliveries and declares its property."""
    documents = load_collection_documents(written().parent)
    document = documents.accepting("GAIA1", "GAIA_ORTHO")
    validator(schemas)(document.published("fr"))
    validator(schemas)(document.published("en"))
    assert (document.id, document.title("en"), document.sources) == (
        "gaia-demo",
        "Demonstration images",
        ("deliveries",),
    )
    assert queryables_of(document, "en")["gaia:haze"] == {"title": "Haze", "type": "number"}
    assert check_collection_documents(written().parent) == []


def test_a_language_that_a_document_does_not_speak_gives_french(written: Callable[..., Path]) -> None:
    """A reader who asks for German gets the French words, and is told so."""
    published = load_collection_documents(written().parent)["gaia-demo"].published("de")
    assert (published["title"], published["language"]["code"]) == ("Images de démonstration", "fr")


def test_the_greatest_priority_gets_the_delivery(written: Callable[..., Path]) -> None:
    """An institution can take a satellite over from another collection by a greater priority."""
    written()
    file = written(
        ("id: gaia-demo", "id: gaia-first"), ("profiles: [GAIA_]", "profiles: [GAIA_], priority: 1"), name="gaia-first"
    )
    documents = load_collection_documents(file.parent)
    assert documents.accepting("GAIA1", "GAIA_ORTHO").id == "gaia-first"


def test_discovery_does_not_enter_sub_directories(written: Callable[..., Path]) -> None:
    """Documents of sensors and rules lie below and have schemas of their own."""
    directory = written().parent
    (directory / "sensors" / "gaia.yaml").write_text("dimap: 2\n", encoding="utf-8")
    assert list(load_collection_documents(directory)) == ["gaia-demo"]


def test_an_open_end_of_the_interval_stays_open(written: Callable[..., Path]) -> None:
    """The null of an interval that goes on is published as null."""
    published = load_collection_documents(written().parent)["gaia-demo"].published()
    assert published["extent"]["temporal"]["interval"] == [["2020-01-01T00:00:00Z", None]]
