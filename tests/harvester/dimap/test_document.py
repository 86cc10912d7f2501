"""Hostile, broken and strange XML is refused with the file and the path, and never read as something else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harvester.dimap.document import parse_document
from harvester.errors import UnreadableScene

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE Dimap_Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Dimap_Document>&b;</Dimap_Document>"""
EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE Dimap_Document [<!ENTITY secret SYSTEM "file:///etc/hostname">]>
<Dimap_Document>&secret;</Dimap_Document>"""
EXTERNAL_DTD = b"<!DOCTYPE Dimap_Document SYSTEM 'http://127.0.0.1:9/dimap.dtd'><Dimap_Document/>"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(BOMB, id="entity bomb"),
        pytest.param(EXTERNAL, id="external entity"),
        pytest.param(EXTERNAL_DTD, id="external document type"),
        pytest.param(b"<Dimap_Document><A>1</A>", id="truncated"),
        pytest.param(b"", id="zero bytes"),
        pytest.param(b" \n", id="blank"),
        pytest.param("<?xml version='1.0' encoding='UTF-8'?><A>©</A>".encode("latin-1"), id="not in its encoding"),
        pytest.param(b"<?xml version='1.0' encoding='x-none'?><A>1</A>", id="unknown encoding"),
        pytest.param(b"<A>" * 300 + b"</A>" * 300, id="nested without end"),
        pytest.param(b"<!DOCTYPE A [<!ENTITY e 'x'>]><A b='&e;'/>", id="entity in an attribute"),
        pytest.param(b"<A/><B/>", id="two roots"),
        pytest.param(b"\x89PNG\r\n", id="not XML"),
    ],
)
def test_unsafe_or_broken_xml_is_refused_naming_the_file(data: bytes) -> None:
    """Document types, entities, truncation and wrong encodings end in UnreadableScene with the file's name."""
    with pytest.raises(UnreadableScene, match=r"job/DIM\.XML: "):
        parse_document(data, "job/DIM.XML")


def test_a_document_over_the_limit_is_refused_unread() -> None:
    """The size limit is checked before parsing, so that what is too large need not even be XML."""
    with pytest.raises(UnreadableScene, match="101 bytes of XML, more than the limit of 100"):
        parse_document(b"x" * 101, "DIM.XML", limit_bytes=100)


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-16"])
def test_text_is_decoded_as_declared(encoding: str) -> None:
    """The encodings of the vendors, and any other that is declared, give the same text."""
    document = f"<?xml version='1.0' encoding='{encoding}'?><A><B>©CNES é</B></A>".encode(encoding)
    assert parse_document(document, "DIM.XML").text("B") == "©CNES é"


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n", b"\n\xef\xbb\xbf"])
@pytest.mark.parametrize("declaration", ["<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.0'?>", ""])
def test_what_stands_before_the_document_is_passed_over(before: bytes, declaration: str) -> None:
    """Blank lines and byte order marks, as tools leave them, neither refuse a document nor change a text of it."""
    assert parse_document(before + f"{declaration}<A><B>©CNES é</B></A>".encode(), "DIM.XML").text("B") == "©CNES é"


def test_a_byte_order_mark_tells_the_encoding_better_than_the_declaration() -> None:
    """Behind a blank line too."""
    document = "<?xml version='1.0' encoding='ISO-8859-1'?><A><B>é</B></A>".encode("utf-8-sig")
    assert parse_document(document, "DIM.XML").text("B") == "é"
    assert parse_document(b"\n" + document, "DIM.XML").text("B") == "é"


def test_comments_and_instructions_do_not_cut_a_text() -> None:
    """What stands between comments and processing instructions is one text."""
    assert parse_document(b"<A><B>1<!-- of -->2<?x y?>3</B></A>", "DIM.XML").number("B") == 123


@pytest.mark.parametrize("text", ["", "  ", "NA", " NA "])
def test_empty_and_not_available_are_absent(text: str) -> None:
    """Empty elements and NA mean None, and are missing where a value is mandatory."""
    document = parse_document(f"<A><B><C>{text}</C></B></A>".encode(), "DIM.XML")
    assert document.text("B/C") is None
    assert document.number("B/C") is None
    assert document.time("B/C") is None
    with pytest.raises(UnreadableScene, match=r"DIM\.XML: B/C is missing or empty"):
        document.required("B/C")


@pytest.mark.parametrize("text", ["abc", "nan", "inf", "-Infinity", "1e999", "1_000", "0x10", "1,5", "٣", "1 2"])
def test_what_is_no_finite_decimal_is_refused_with_its_path(text: str) -> None:
    """Neither Python's own spellings of numbers nor overflow pass as numbers."""
    document = parse_document(f"<A><B><C>{text}</C></B></A>".encode(), "DIM.XML")
    with pytest.raises(UnreadableScene, match=r"DIM\.XML: B/C = .* is not a number"):
        document.required_number("B/C")


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("-.5", -0.5), ("4.00000000000000E+00", 4.0), ("+2.", 2.0)])
def test_decimals_are_read(text: str, value: float) -> None:
    """Plain and exponent notation are numbers."""
    assert parse_document(f"<A><B>{text}</B></A>".encode(), "DIM.XML").number("B") == value


def test_numbers_out_of_range_are_refused_with_the_range() -> None:
    """A latitude of 95 is an error of the document, not a place."""
    document = parse_document(b"<A><LAT>95</LAT><ROWS>2.5</ROWS></A>", "DIM.XML")
    with pytest.raises(UnreadableScene, match=r"DIM\.XML: LAT = '95' is out of range \(-90 to 90\)"):
        document.required_number("LAT", -90, 90)
    with pytest.raises(UnreadableScene, match=r"ROWS = 2\.5 is not a whole number"):
        document.required_integer("ROWS", 0, 10)


def test_what_is_optional_and_cannot_be_meant_is_left_out_and_told_once() -> None:
    """It is as if it were absent; all sections of a document tell together."""
    document = parse_document(b"<A><B><C>clear</C><D>2.5</D><E>140</E><T>soon</T></B></A>", "DIM.XML")
    (section,) = document.sections("B")
    assert [section.number("C"), section.number("C"), section.integer("D", 0, 9)] == [None] * 3
    assert (section.number("E", 0, 100), document.time("B/T")) == (None, None)
    assert list(document.left_out) == [
        "DIM.XML: B[1]/C = 'clear' is not a number, and was left out",
        "DIM.XML: B[1]/D = 2.5 is not a whole number, and was left out",
        "DIM.XML: B[1]/E = '140' is out of range (0 to 100), and was left out",
        "DIM.XML: B/T = 'soon' is not an ISO 8601 time, and was left out",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-08-15T15:41:30.1Z", datetime(2021, 8, 15, 15, 41, 30, 100000, UTC)),
        ("2021-08-15T15:41:30.1808153Z", datetime(2021, 8, 15, 15, 41, 30, 180815, UTC)),
        ("2021-08-15T17:36:11.768", datetime(2021, 8, 15, 17, 36, 11, 768000, UTC)),
        ("2021-08-15T17:36:11+02:00", datetime(2021, 8, 15, 15, 36, 11, 0, UTC)),
    ],
)
def test_times_are_utc(text: str, expected: datetime) -> None:
    """A time without a zone is UTC, another zone is converted, and any number of decimals is read."""
    assert parse_document(f"<A><T>{text}</T></A>".encode(), "DIM.XML").time("T") == expected


@pytest.mark.parametrize("text", ["2021-02-30T00:00:00Z", "2021-08-15", "yesterday", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_refused_with_its_path(text: str) -> None:
    """Dates that do not exist, dates alone and words are not times."""
    with pytest.raises(UnreadableScene, match=r"DIM\.XML: T = .* is not a"):
        parse_document(b"<A/>", "DIM.XML").as_time("T", text)


def test_messages_count_repeated_sections() -> None:
    """The third vertex is named as the third, so that it can be found in a long file."""
    document = parse_document(b"<A><V><X>1</X></V><V><X>2</X></V><V/></A>", "DIM.XML")
    with pytest.raises(UnreadableScene, match=r"DIM\.XML: V\[3\]/X is missing"):
        [vertex.required_number("X") for vertex in document.sections("V")]
