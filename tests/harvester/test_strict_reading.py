"""Reading the fields of a record strictly: what is there, what is missing, and what nobody asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from database import Database
from harvester.errors import UnreadableScene
from harvester.strict_reading import Fields


def test_fields_that_nobody_took_are_told() -> None:
    """What is left over is named with its place, apart from what is empty or known to be of no use."""
    fields = Fields({"id": "a", "empty": "", "none": None, "size": 3, "colour": "red", "zero": 0}, "image")
    fields.text("id")
    assert list(fields.left_over(ignored={"size"})) == ["image.colour", "image.zero"]
    assert fields.close(ignored={"size", "zero"}) == ("fields not known to the reader: image.colour",)
    assert fields.close(ignored={"size", "zero", "colour"}) == ()


@pytest.mark.parametrize("content", [{}, {"cloud": None}, {"cloud": ""}])
def test_missing_null_and_empty_are_the_same(content: dict[str, Any]) -> None:
    """A field that its source does not fill is missing: a mandatory one refuses the record, another has its default."""
    assert Fields(content).number("cloud", None) is None
    with pytest.raises(UnreadableScene, match=r"properties\.cloud is missing"):
        Fields(content, "properties").number("cloud")


@pytest.mark.parametrize("value", ["wet", True, [1], "nan", "inf", {}, 10**400])
def test_what_is_no_number_is_refused(value: Any) -> None:
    """Texts, lists, truth values and numbers without end are refused with what stands there."""
    with pytest.raises(UnreadableScene, match="cloud is not a number but"):
        Fields({"cloud": value}).number("cloud")


@pytest.mark.parametrize(("value", "number"), [(0, 0.0), ("12.5", 12.5), (-3, -3.0), ("1e2", 100.0)])
def test_numbers_may_be_written_as_texts(value: Any, number: float) -> None:
    """Services write numbers as texts; zero is a number and no missing value."""
    assert Fields({"cloud": value}).number("cloud") == number


@pytest.mark.parametrize(
    "text",
    ["2020-04-01T18:56:19.3Z", "2020-04-01T18:56:19.300", "2020-04-01T20:56:19.300000+02:00"],
)
def test_times_are_utc_with_any_decimals(text: str) -> None:
    """Times with any number of decimals and any zone become UTC; those without a zone are taken as UTC."""
    assert Fields({"at": text}).instant("at") == datetime(2020, 4, 1, 18, 56, 19, 300_000, tzinfo=UTC)


def test_time_without_zone_can_be_refused() -> None:
    """Where a service's local time is meant, a time without zone is refused rather than guessed."""
    with pytest.raises(UnreadableScene, match="at has no time zone"):
        Fields({"at": "2020-04-01T18:56:19"}).instant("at", naive_is_utc=False)


@pytest.mark.parametrize("value", ["yesterday", 5, "0001-01-01T00:00:00+10:00", "2020-01-01+02:00", ["2020-01-01"]])
def test_what_is_no_time_is_refused(value: Any) -> None:
    """Anything else than a time of the calendar is refused with what stands there."""
    with pytest.raises(UnreadableScene, match="at is not a time but"):
        Fields({"at": value}).instant("at")


def test_sections_name_their_place() -> None:
    """A field of an object inside the record is named with its whole path; a record that is no object is refused."""
    fields = Fields({"links": {"quicklook": {}}})
    with pytest.raises(UnreadableScene, match=r"links\.quicklook\.href is missing"):
        fields.section("links").section("quicklook").text("href")
    with pytest.raises(UnreadableScene, match="properties is not an object but 'none'"):
        Fields("none", "properties")
    assert not fields.section("absent").has("anything")


def test_an_optional_field_that_says_what_it_cannot_mean_is_left_out_and_told_once() -> None:
    """It has its default; the first to be closed of a record tells it, however deep it stands."""
    angles = {"sun": 999, "orbit": -3, "frame": 85.5, "side": "up"}
    said = {"cloud": "N/A", "gsd": 0, "at": "yesterday", "version": 2, "names": ["a", "", 1], "rights": "no", **angles}
    record = Fields({"about": said, "files": [{"size": "big"}, None], "links": "none"})
    about = record.section("about")
    assert (about.number("cloud", None), about.number("gsd", 9, within=(0.01, 10))) == (None, 9)
    assert (about.instant("at", None), about.time("at"), about.text("version", "")) == (None, None, "")
    assert (about.one_of("side", ("left", "right"), None), about.azimuth("sun")) == (None, None)
    assert (about.whole("orbit", (1, 369)), about.whole("frame", (1, 369))) == (None, None)
    assert (about.texts("names"), about.section("rights").has("owner")) == (("a",), False)
    assert [file.number("size", None) for file in record.objects("files").values()] == [None]
    assert record.objects("links") == {}
    assert record.close() == (
        "about.cloud is not a number but 'N/A', and was left out",
        "about.gsd is 0, out of its range, and was left out",
        "about.at is not a time, and was left out",
        "about.version is not a text but 2, and was left out",
        "about.side is none of left, right but 'up', and was left out",
        "about.sun is 999, out of its range, and was left out",
        "about.orbit is -3, out of its range, and was left out",
        "about.frame is not a whole number but 85.5, and was left out",
        "about.names is not all texts but ['a', '', 1], and was left out",
        "about.rights is not an object but 'no', and was left out",
        "files.1 is not an object but None, and was left out",
        "files.0.size is not a number but 'big', and was left out",
        "links is neither a list nor an object but 'none', and was left out",
    )
    assert about.close() == ()


def test_a_mandatory_field_that_says_what_it_cannot_mean_refuses_the_record() -> None:
    """A field without a default must be what it is asked for."""
    assert Fields({"side": "left"}).one_of("side", ("left", "right")) == "left"
    fields = Fields({"side": "up", "gsd": 0})
    with pytest.raises(UnreadableScene, match=r"^side is none of left, right but 'up'$"):
        fields.one_of("side", ("left", "right"))
    with pytest.raises(UnreadableScene, match=r"^gsd is 0, out of its range$"):
        fields.number("gsd", within=(0.01, 10))


@pytest.mark.parametrize(
    ("schema", "fits", "unfit"),
    [
        ({"type": "number", "minimum": 0, "maximum": 100}, 5, -1),
        ({"type": "number"}, 5.5, "N/A"),
        ({"type": "integer", "minimum": 1}, 7, 2**32 - 1),
        ({"type": "integer"}, -3, 5.5),
        ({"type": "boolean"}, False, "no"),
        ({"type": "string", "format": "date-time"}, "2024-05-06T10:00:00Z", "12 mars"),
        ({"type": "string"}, "a", None),
        ({}, {"any": "thing"}, None),
    ],
)
def test_a_value_of_the_type_of_its_property_stays_as_it_is(schema: dict[str, Any], fits: Any, unfit: Any) -> None:
    """Another one is left out and told."""
    fields = Fields({"fits": fits, "unfit": unfit, "text": "5"})
    assert (fields.of_type("fits", schema), fields.of_type("unfit", schema)) == (fits, None)
    assert len(fields.close({"text"})) == (unfit is not None)
    if schema.get("type") == "number":
        assert fields.of_type("text", schema) == 5


def test_a_time_can_be_had_as_it_is_written() -> None:
    """In the words of its source, once it is known to be a time."""
    assert Fields({"at": "2020-04-01 18:56:19.30000000"}).time("at") == "2020-04-01 18:56:19.30000000"


def test_a_time_is_written_so_that_searches_can_read_it(database: Database) -> None:
    """A form of ISO 8601 that PostgreSQL does not read would break each search by the property, for everybody."""
    times = {
        "2022-01-08": "2022-01-08",
        "2022-01-08T10:00:00.123456789Z": "2022-01-08T10:00:00.123456789Z",
        "2022-01-08T10:00:00+02:00": "2022-01-08T10:00:00+02:00",
        "2022-01-08T00:00:000Z": "2022-01-08T00:00:00.000Z",
        "2022-01-08T10Z": "2022-01-08T10:00:00.000Z",
        "2022-01-08T10:00:00,5Z": "2022-01-08T10:00:00.500Z",
        "2022-W01-6T10:00:00Z": "2022-01-08T10:00:00.000Z",
        "2022-01-08T10:00:00+18:00": "2022-01-07T16:00:00.000Z",
    }
    assert {said: Fields({"at": said}).time("at") for said in times} == times
    said_here = {said: Fields({"at": said}).instant("at") for said in times}
    with database.connect("harvest") as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        read = connection.execute("SELECT time::timestamptz FROM unnest(%s::text[]) AS time", (list(times.values()),))
        assert [row[0].replace(microsecond=0) for row in read] == [
            moment.replace(microsecond=0) for moment in said_here.values()
        ]


@pytest.mark.parametrize(
    ("said", "azimuth"),
    [(-30, 330), (400, 40), ("360", 0), (-1e-20, 0), (-360, 0), (720, 0), (-360.5, None), (720.5, None)],
)
def test_an_azimuth_is_one_of_the_circle(said: Any, azimuth: float | None) -> None:
    """Half of the services count from -180 to 180; what is off by more than a turn means something else."""
    assert Fields({"azimuth": said}).azimuth("azimuth") == azimuth


def test_text_is_not_made_of_numbers() -> None:
    """An id that is a number is told from one that is a text."""
    with pytest.raises(UnreadableScene, match="id is not a text but 5"):
        Fields({"id": 5}).text("id")
