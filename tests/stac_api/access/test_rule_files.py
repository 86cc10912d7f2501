"""Rules as people write them: each mistake is told in its line, and so is what is probably not meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.documents.packaged import default_collections_directory
from stac_api.access.errors import RulesMistaken
from stac_api.access.policy import Category
from stac_api.access.rules.files import check_rules, collections_beside, read_rules
from stac_api.access.rules.page import rules_page
from tests.conftest import PROJECT

COLLECTIONS = default_collections_directory()
PAGE = PROJECT / "docs" / "reference" / "access-rules.md"
PAGE_HEADING = """\
# Access rules, quotas and prices

Generated from `collections/rules/`: `pytest tests/stac_api/access/test_rule_files.py --update-expectations` does it.

Who may see, download and order what is data, dated and with its source:
[how to change it](../how-to/change-the-rules.md). A category that no rule names has the rights of `PUBLIC`, and what no
rule speaks of is hidden. Visibility is `hidden`, `metadata` (Collection, Items, thumbnails) or `full` (overviews and
the vendor's metadata as well).

Categories: `PUBLIC` everybody; `SCI_FR` French scientists; `PUB_FR` French public actors; `PRIV_RD_FR` French firms,
for research and development; `PRIV_PSP_FR` contractors of a French public actor, for the time of the mission; `SCI_EU`
scientists of the European Union; `SCI_INTL` foreign scientists in a partnership with a French actor; `PRIV_OTHER` other
firms.

"""
LICENCE = """\
id: invented
version: 1
kind: signed
title: Invented
href: https://example.org/
text: Be good.
"""
RULES = """\
id: 2024-Q1
valid_from: "2024-01-01T00:00:00Z"
source_document: a guide
approved_by: a committee
quotas:
  science:
    {unit: km2, amount: 2500, scope: user, period: none, debit_event: delivery, discretionary: true, source: a guide}
exclusions:
  base:
    title: A base
    polygon: [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    source: a guide
rules:
  - collections: [pleiades, "spot-*"]
    categories: [PUBLIC]
    visibility: metadata
    source: a guide
  - collections: [pleiades]
    categories: [SCI_FR]
    visibility: full
    download: member_signed
    licence: {id: invented, version: 1}
    quota: science
    exclusion: base
    source: a guide
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of rules without a mistake."""
    (tmp_path / "licences").mkdir()
    (tmp_path / "licences" / "invented-1.yaml").write_text(LICENCE, encoding="utf-8")
    (tmp_path / "2024-Q1.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def told(folder: Path) -> list[str]:
    """Line, severity and message of each problem."""
    return [f"{each.line}: {each.severity}: {each.message}" for each in check_rules(folder, {"pleiades", "spot-6-7"})]


def test_shipped_rules_have_no_problem() -> None:
    """The rules that come with the program cover each shipped collection, at any time that they speak of."""
    assert check_rules(COLLECTIONS / "rules", collections_beside(COLLECTIONS)) == []


def test_shipped_rules_tell_the_history_in_order() -> None:
    """The sets follow the documents: a login at first, then a catalogue open to all."""
    sets = read_rules(COLLECTIONS / "rules").sets
    assert [each.id for each in sets] == ["2019-Q1", "2022-Q4", "2024-Q2", "2026-Q1"]
    seen = [
        sum(each.visibility(collection, [Category.PUBLIC]) > 0 for collection in collections_beside(COLLECTIONS))
        for each in sets
    ]
    assert seen == [0, 0, 21, 28]


@pytest.mark.parametrize("policies", read_rules(COLLECTIONS / "rules").sets, ids=lambda each: each.id)
def test_shipped_stereo_sets_are_ruled_as_their_images(policies: object) -> None:
    """A collection of stereo sets gives nobody other rights than the collection of the images does."""
    of_sets = [each for each in collections_beside(COLLECTIONS) if each.endswith("stereo")]
    assert of_sets
    for collection in of_sets:
        images = collection.removesuffix("-tristereo").removesuffix("-stereo")
        images = "airbus-archive-spot" if images == "airbus-archive-spot-6-7" else images
        for category in Category:
            assert policies.rule_for(collection, category) is policies.rule_for(images, category)  # type: ignore[attr-defined]


def test_well_written_rules_have_no_problem(folder: Path) -> None:
    """The rules of these tests are right, so that what is told below is the mistake alone."""
    assert told(folder) == []


@pytest.mark.parametrize(
    ("written", "instead", "line", "words"),
    [
        ("quota: science", "quota: sciense", 23, "error: quotas has no 'sciense'; did you mean 'science'?"),
        ("exclusion: base", "exclusion: kourou", 24, "error: exclusions has no 'kourou'"),
        ("version: 1}", "version: 2}", 22, "error: there is no licences/invented-2.yaml; did you mean 'invented-1'?"),
        ("visibility: full", "visibility: ful", 20, "did you mean 'full'?"),
        ("download: member_signed", "download: members", 21, "error: rules[1].download"),
        ("categories: [SCI_FR]", "categories: [SCI]", 19, "error: rules[1].categories[0]"),
        ("    quota: science\n", "    quotas: science\n", 23, "unknown key; did you mean 'quota'?"),
        ('valid_from: "2024-01-01T00:00:00Z"', "valid_from: 2024-01-01", 2, 'write "2024-01-01" in quotes'),
        ('valid_from: "2024-01-01T00:00:00Z"', 'valid_from: "2024-01-01T00:00:00"', 2, "error: valid_from"),
        ("id: 2024-Q1", "id: 2024 Q1", 1, "error: id: write at most 100 letters without accents, digits"),
        ("id: 2024-Q1", "id: 2024-Q2", 1, "must be called 2024-Q2.yaml"),
        ("[1, 0], [1, 1]", "[1, 1], [1, 0]", 11, "error: the ring crosses itself"),
        ("source_document: a guide\n", "", 1, "the key 'source_document' is missing"),
    ],
)
def test_mistakes_are_told_in_their_line(folder: Path, written: str, instead: str, line: int, words: str) -> None:
    """Whoever wrote it finds the place, and what to write instead."""
    assert RULES.count(written) >= 1
    (folder / "2024-Q1.yaml").write_text(RULES.replace(written, instead, 1), encoding="utf-8")
    problems = told(folder)
    assert {each.partition(":")[0] for each in problems} == {str(line)}
    assert any(words in each for each in problems)
    with pytest.raises(RulesMistaken, match=f"2024-Q1.yaml:{line}:"):
        read_rules(folder)


@pytest.mark.parametrize(
    ("written", "instead", "problem"),
    [
        ('"spot-*"', "radar", "13: warning: no rule speaks of spot-6-7: it is hidden, even from members; add a rule"),
        ('"spot-*"', '"spot-6-7", "pleiade"', "14: warning: pleiade is no collection; did you mean 'pleiades'?"),
        (
            "categories: [SCI_FR]",
            "categories: [PUBLIC]",
            "18: warning: the rule in line 14 speaks of pleiades and PUBLIC as well and goes before this one",
        ),
    ],
    ids=["uncovered", "unknown", "competing"],
)
def test_what_is_probably_not_meant_is_told(folder: Path, written: str, instead: str, problem: str) -> None:
    """Rules that work but leave something out, or compete, are warned of, and can be used."""
    (folder / "2024-Q1.yaml").write_text(RULES.replace(written, instead, 1), encoding="utf-8")
    assert any(each.startswith(problem) for each in told(folder))
    assert all("warning" in each for each in told(folder))
    assert [each.id for each in read_rules(folder).sets] == ["2024-Q1"]


def test_two_sets_cannot_begin_at_once(folder: Path) -> None:
    """Which of two sets held could not be told."""
    (folder / "2024-Q2.yaml").write_text(RULES.replace("2024-Q1", "2024-Q2"), encoding="utf-8")
    (problem,) = told(folder)
    remedy = "give one of them a later valid_from (today, if it is activated with --now)"
    assert problem == f"2: error: 2024-Q1 begins at the same time: {remedy}"


def test_mistakes_of_licences_are_told_too(folder: Path) -> None:
    """A licence of a kind that does not exist is refused, and so is the rule that names it."""
    (folder / "licences" / "invented-1.yaml").write_text(LICENCE.replace("signed", "sealed"), encoding="utf-8")
    assert [each.split(": ")[0] for each in told(folder)] == ["22", "3"]


def test_an_empty_folder_is_no_folder_of_rules(tmp_path: Path) -> None:
    """Nothing there is a mistake, not a set that hides everything."""
    with pytest.raises(RulesMistaken, match="name a directory of rules"):
        read_rules(tmp_path)


def test_the_page_of_rules_is_that_of_the_files(request: pytest.FixtureRequest) -> None:
    """The documentation shows the rules as they are written, with their sources and assumptions."""
    page = PAGE_HEADING + rules_page(read_rules(COLLECTIONS / "rules"), collections_beside(COLLECTIONS))
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if request.config.getoption("--update-expectations"):
        PAGE.write_text(page, encoding="utf-8")
    assert written == page, "run this test with --update-expectations, and read the difference"
