"""The answers of CSW 2.0.2, read strictly, whatever the HTTP status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harvester.errors import UnreadableAnswer
from harvester.sources.iso19139.document import XmlElement, elements, name_of, parsed_xml, texts


@dataclass(frozen=True)
class SearchResults:
    """One GetRecordsResponse."""

    records: Sequence[XmlElement]  #: of any schema, in the order of the answer
    matched: int  #: number of records in all, according to the server
    returned: int  #: number of records sent, according to the server
    next_position: int | None  #: of the record after the last one; 0 = none, None = not given, or not as a count


def search_results(content: bytes) -> SearchResults:
    """The results in the answer to a GetRecords request.

    Raises:
        UnreadableAnswer: It is an exception report, which servers also send with status 200, or anything else but a
            GetRecordsResponse with its counts.
    """
    root = parsed_xml(content)
    if name_of(root) in ("ExceptionReport", "ServiceExceptionReport"):
        said = " ".join(texts(root, "/ExceptionText") or texts(root, "/ServiceException"))
        raise UnreadableAnswer(f"the service answered an exception: {said or 'without a reason'}")
    if name_of(root) != "GetRecordsResponse":
        raise UnreadableAnswer(f"the service answered {name_of(root)} in place of GetRecordsResponse")
    found = elements(root, "SearchResults")
    if len(found) != 1:
        raise UnreadableAnswer("the GetRecordsResponse has no SearchResults")
    return SearchResults(
        records=list(found[0]),
        matched=_count(found[0], "numberOfRecordsMatched"),
        returned=_count(found[0], "numberOfRecordsReturned"),
        next_position=int(said) if (said := found[0].get("nextRecord", "")).isdecimal() else None,
    )


def _count(results: XmlElement, name: str) -> int:
    said = results.get(name, "")
    if not said.isdecimal():
        raise UnreadableAnswer(f"{name} of the SearchResults is {said!r}, not a count")
    return int(said)
