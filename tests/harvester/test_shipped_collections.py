"""The collection documents that are shipped: complete, readable and sound, in both languages."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pystac
import pytest

from harvester.collection_checks import check_collection_documents
from harvester.collection_documents import (
    CollectionDocument,
    CollectionDocuments,
    default_collections_directory,
    load_collection_documents,
    queryables_of,
)
from harvester.errors import CollectionDocumentError
from tests.stac_schemas import validator

COLLECTIONS = Path(__file__).resolve().parents[2] / "collections"
DOCS_PAGE = COLLECTIONS.parent / "docs" / "reference" / "collections.md"

SHIPPED = [
    "airbus-archive-pleiades",
    "airbus-archive-pleiades-neo",
    "airbus-archive-pleiades-neo-stereo",
    "airbus-archive-pleiades-neo-tristereo",
    "airbus-archive-pleiades-stereo",
    "airbus-archive-pleiades-tristereo",
    "airbus-archive-spot",
    "airbus-archive-spot-6-7-stereo",
    "airbus-archive-spot-6-7-tristereo",
    "dsm",
    "pleiades",
    "pleiades-littoral",
    "pleiades-neo",
    "pleiades-neo-stereo",
    "pleiades-neo-tristereo",
    "pleiades-stereo",
    "pleiades-tristereo",
    "radar",
    "rapideye-france",
    "sentinel",
    "spot-1-5-france",
    "spot-6-7",
    "spot-6-7-drs",
    "spot-6-7-open",
    "spot-6-7-stereo",
    "spot-6-7-tristereo",
    "spot-annual-coverage",
    "spot-world-heritage",
]

STEREO_SETS = {name for name in SHIPPED if name.endswith(("-stereo", "-tristereo"))}

#: Those whose Items are mosaics, grids, metadata of others or sets of views: no single viewing direction.
WITHOUT_VIEW = {"dsm", "pleiades-littoral", "sentinel", "spot-annual-coverage"} | STEREO_SETS

shipped = pytest.mark.parametrize("name", SHIPPED)
in_both_languages = pytest.mark.parametrize("language", ["fr", "en"])


@cache
def shipped_documents() -> CollectionDocuments:
    """The documents of the project."""
    return load_collection_documents(COLLECTIONS)


def document_of(name: str) -> CollectionDocument:
    """One of the shipped documents."""
    return shipped_documents()[name]


def test_the_shipped_documents_are_those_of_the_project_and_have_no_problem() -> None:
    """All twenty-eight collections are there, and the check finds nothing to mend."""
    assert default_collections_directory() == COLLECTIONS
    assert list(shipped_documents()) == SHIPPED
    assert check_collection_documents(COLLECTIONS) == []


@shipped
@in_both_languages
def test_every_published_collection_satisfies_the_schemas(name: str, language: str, schemas: Path) -> None:
    """What is published is a STAC 1.1 Collection and keeps the rules of each extension that it names."""
    validator(schemas)(document_of(name).published(language))


@shipped
@in_both_languages
def test_pystac_reads_every_published_collection_and_loses_nothing(name: str, language: str) -> None:
    """The client library builds the Collection, and writes back what it was given."""
    published = document_of(name).published(language)
    again = pystac.Collection.from_dict(published).to_dict(include_self_link=False)
    assert {key: again[key] for key in published if key != "links"} == {
        key: value for key, value in published.items() if key != "links"
    }
    assert [(link["rel"], link["href"]) for link in again["links"]] == [
        (link["rel"], link["href"]) for link in published["links"]
    ]


@shipped
@in_both_languages
def test_every_published_collection_is_plain_json(name: str, language: str) -> None:
    """Nothing that YAML made of a text (a date, a set, a NaN) gets into the JSON."""
    published = document_of(name).published(language)
    assert json.loads(json.dumps(published, allow_nan=False)) == published


@shipped
def test_every_shipped_document_speaks_both_languages_completely(name: str) -> None:
    """Title, description, keywords and the titles of all assets differ between French and English or are names."""
    document = document_of(name)
    french, english = document.published("fr"), document.published("en")
    assert (french["language"]["code"], english["language"]["code"]) == ("fr", "en")
    assert [language["code"] for language in english["languages"]] == ["fr"]
    assert french["title"] != english["title"]
    assert french["description"] != english["description"]
    assert len(french["keywords"]) == len(english["keywords"]) >= 5
    for key, asset in french["item_assets"].items():
        assert english["item_assets"][key]["title"] != asset["title"]
        assert english["item_assets"][key]["roles"] == asset["roles"]


@shipped
def test_descriptions_tell_a_reader_what_who_and_where(name: str) -> None:
    """Each description says resolution, coverage and who may use the images, in both languages."""
    document = document_of(name)
    for language, subjects in {
        "fr": ("Résolution", "Couverture", "Qui peut les "),
        "en": ("Resolution", "Coverage", "Who may "),
    }.items():
        description = document.published(language)["description"]
        assert all(subject in description for subject in subjects)


@shipped
def test_the_convention_of_the_azimuth_is_said_where_images_have_one(name: str) -> None:
    """Descriptions say that view:azimuth runs from target to satellite, in both languages."""
    document = document_of(name)
    said = "`view:azimuth` est l’azimut de la cible vers le satellite, dans le sens horaire depuis le nord vrai"
    meant = "`view:azimuth` is the azimuth from the target towards the satellite, clockwise from true north"
    french, english = (" ".join(document.published(code)["description"].split()) for code in ("fr", "en"))
    assert (said in french, meant in english) == ((name not in WITHOUT_VIEW,) * 2)


@shipped
def test_licences_can_be_read(name: str) -> None:
    """Every collection links to the text of its licence and names who licenses and who hosts it."""
    published = document_of(name).published()
    assert [link["href"] for link in published["links"] if link["rel"] == "license"]
    roles = {role for provider in published["providers"] for role in provider["roles"]}
    assert {"licensor", "host"} <= roles
    assert published["attribution"]


def test_licences_are_those_that_were_granted() -> None:
    """Only OpenSpot and the annual mosaics are Etalab 2.0 and the elevation models CC-BY-NC; the rest has its own."""
    licences = {name: document_of(name).published()["license"] for name in SHIPPED}
    open_data = {"spot-6-7-open": "etalab-2.0", "spot-annual-coverage": "etalab-2.0", "dsm": "CC-BY-NC-4.0"}
    assert licences == dict.fromkeys(SHIPPED, "other") | open_data


@pytest.mark.parametrize("name", ["spot-annual-coverage", "pleiades-littoral"])
def test_annual_mosaics_can_be_seen_as_a_map(name: str) -> None:
    """The annual mosaics link to their WMTS layers."""
    (wmts,) = [link for link in document_of(name).published()["links"] if link["rel"] == "wmts"]
    assert all(layer.startswith("ORTHOIMAGERY.ORTHO-SAT.") for layer in wmts["wmts:layer"])


@pytest.mark.parametrize(
    ("mission", "profile", "collection"),
    [
        ("PHR1A", "PHR_ORTHO", "pleiades"),
        ("PHR1B", "PHR_SENSOR", "pleiades"),
        ("PNEO3", "PNEO_ORTHO", "pleiades-neo"),
        ("PNEO4", "PNEO_SENSOR", "pleiades-neo"),
        ("SPOT6", "S6_SENSOR", "spot-6-7"),
        ("SPOT7", "S7_ORTHO", "spot-6-7"),
        ("SPOT5", "SPOTSCENE_2A", "spot-world-heritage"),
        ("SPOT1", "SPOTSCENE_1B", "spot-world-heritage"),
    ],
)
def test_deliveries_of_each_satellite_have_their_collection(mission: str, profile: str, collection: str) -> None:
    """A delivery goes to the collection that accepts its satellite and profile."""
    assert shipped_documents().accepting(mission, profile).id == collection


@pytest.mark.parametrize(("mission", "profile"), [("PER1", "PER1_ORTHO"), ("PHR1A", "S7_ORTHO")])
def test_a_delivery_that_no_collection_accepts_is_refused_with_a_way_out(mission: str, profile: str) -> None:
    """The refusal names the satellite, the profile and what the operator can do."""
    with pytest.raises(CollectionDocumentError, match=rf"{mission}.*{profile}.*--collection.*missions"):
        shipped_documents().accepting(mission, profile)


def test_there_is_no_python_among_the_documents() -> None:
    """Python in `collections/` would hide the module of the standard library."""
    assert list(COLLECTIONS.rglob("*.py")) == []
    assert list(COLLECTIONS.rglob("*.pyc")) == []


def test_the_standard_library_is_not_hidden_by_the_directory() -> None:
    """With the project first on the path, `import collections` still is the standard library's."""
    command = [sys.executable, "-S", "-c", "import collections; print(collections.deque)"]
    answer = subprocess.run(command, cwd=COLLECTIONS.parent, env={"PYTHONPATH": "."}, capture_output=True, check=False)
    assert (answer.returncode, answer.stdout.strip()) == (0, b"<class 'collections.deque'>")


@pytest.mark.parametrize("file", sorted(COLLECTIONS.glob("*.yaml")), ids=lambda file: file.stem)
def test_documents_are_easy_to_read_and_to_compare(file: Path) -> None:
    """Lines are at most 120 characters long, without blanks at their end."""
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120 or line != line.rstrip()] == []


def source_table(documents: CollectionDocuments) -> str:
    """Markdown table of the sources of each collection: a cell is the rank of the source in the collection."""
    sources = sorted({source for document in documents.values() for source in document.sources})
    heading = ["Collection", "Licence", "Takes deliveries of", *(f"`{source}`" for source in sources)]
    lines = [heading, ["---"] * 3 + [":-:"] * len(sources)]
    for document in documents.values():
        ranks = {source: str(rank) for rank, source in enumerate(document.sources, 1)}
        taken = ", ".join(document.missions)
        cells = [f"`{document.id}`", document.content.stac.license, taken, *(ranks.get(name, "") for name in sources)]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def test_the_table_of_sources_in_the_documentation_is_that_of_the_documents() -> None:
    """The table source × collection in the docs is what the documents say."""
    table = source_table(shipped_documents())
    assert table in DOCS_PAGE.read_text(encoding="utf-8"), f"replace the table in {DOCS_PAGE.name} by:\n{table}"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_collection_publishes_the_properties_of_its_sources(language: str) -> None:
    """What GEODES says can be filtered where GEODES is a source, in the reader's language, and nowhere else."""
    title = {"fr": "Collection à GEODES", "en": "Collection at GEODES"}[language]
    assert queryables_of(document_of("sentinel"), language)["geodes:collection"]["title"] == title
    assert "geodes:collection" not in queryables_of(document_of("pleiades"), language)


@pytest.mark.parametrize("name", ["airbus-archive-pleiades", "airbus-archive-pleiades-neo", "airbus-archive-spot"])
def test_archive_images_can_be_filtered_by_whether_they_are_held(name: str) -> None:
    """dinamis:held is a boolean property and every archive Item must have it."""
    document = document_of(name)
    assert queryables_of(document)["dinamis:held"]["type"] == "boolean"
    assert "dinamis:held" in document.content.expect.required
    assert document.published()["summaries"]["order:status"] == ["orderable"]
