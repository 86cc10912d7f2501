"""OpenSpot: the open SPOT 6/7 coverages of France, one GeoJSON answer per year and mode.

The service has neither documentation, pages nor change dates: each run reads everything, and finds changes by
comparing. It takes no bounding box either, so `Selection` narrows nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import lxml.etree
import lxml.html

from harvester.errors import UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, RawRecord
from harvester.sources.openspot.options import Options
from harvester.sources.openspot.records import scene_from_record
from harvester.sources.source import Fingerprints, Progress, Selection, said_in, undivided

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = False
#: The service is asked year by year anyway.
windows = undivided

_PAGE_SIZE = 1000
#: Numbers that the service assigns anew whenever it loads its records.
_PASSING = frozenset({"feature.id", "feature.properties.fid", "feature.properties.page_"})
_YEAR = re.compile(r"\d{4}")
_MODE = re.compile(r"\w[\w.,-]*")


def read_pages(
    options: Options,
    selection: Selection,  # noqa: ARG001
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,  # noqa: ARG001
) -> Iterator[Page]:
    """Read each year and mode; the answers are cut into pages of at most 1 000 records.

    Raises:
        UnreadableAnswer: The pages offer no year or mode, an answer is not a FeatureCollection, or all are empty.
        SourceUnavailable: It cannot be reached.
    """
    with Session(options) as session:
        layers = _layers(session, options)
        seen = 0
        for number, (layer, after) in enumerate(_remaining(layers, cursor), start=1):
            progress.at_hand = f"{layer} ({number} of {len(layers)})"
            records = [record for record in _records(session, options, layer, progress) if record.id > after]
            seen += len(records)
            progress.records += len(records)
            yield from _pages(records, layer, is_last=layer == layers[-1])
        if cursor is None and not seen:
            raise UnreadableAnswer(f"{options.shown_location} has no record in any of {len(layers)} years and modes")


def _remaining(layers: Sequence[str], cursor: str | None) -> Iterator[tuple[str, str]]:
    """The layers still to be read, each with the record id after which to continue."""
    done, _, inside = (cursor or "").partition("/")
    for layer in layers:
        if layer == done and inside:
            yield layer, str(cursor)
        elif layer > done:
            yield layer, ""


def _pages(records: Sequence[RawRecord], layer: str, *, is_last: bool) -> Iterator[Page]:
    """The pages of one layer; the cursor is the last record, or the layer once all of it is read."""
    for start in range(0, len(records) or 1, _PAGE_SIZE):
        page = records[start : start + _PAGE_SIZE]
        if start + _PAGE_SIZE < len(records):
            yield Page(records=page, next_cursor=page[-1].id)
        else:
            yield Page(records=page, next_cursor=None if is_last else layer)


def _layers(session: Session, options: Options) -> list[str]:
    """The names `{year}_{mode}` of the service's layers, sorted."""
    if options.years and options.modes:
        return _named(options.years, options.modes)
    layers: set[str] = set()
    for path in options.pages:
        years, modes = session.get_document(_below(options.url, path), _years_and_modes)
        layers.update(_named(options.years or years, options.modes or modes))
    return sorted(layers)


def _named(years: Sequence[str], modes: Sequence[str]) -> list[str]:
    return sorted({f"{year}_{mode}" for year, mode in product(years, modes)})


def _years_and_modes(page: bytes) -> tuple[list[str], list[str]]:
    if page.lower().count(b"<select") != page.lower().count(b"</select"):
        raise UnreadableAnswer("it is cut in the middle of what there is to choose from")
    years, modes = _offered(page, "choix_annee", _YEAR), _offered(page, "choix_resolution", _MODE)
    if not years or not modes:
        offered = f"choix_annee offers {years}, choix_resolution {modes}"
        raise UnreadableAnswer(f"{offered}; give years and modes in the options of the source")
    return years, modes


def _offered(page: bytes, select: str, pattern: re.Pattern[str]) -> list[str]:
    """The values of an HTML select, without its prompt, which comes first.

    Raises:
        UnreadableAnswer: The page is not HTML, or a further value is no year or mode: it must not be passed over.
    """
    try:
        document = lxml.html.document_fromstring(page)
    except (lxml.etree.ParserError, ValueError) as error:
        raise UnreadableAnswer(f"the page that offers years and modes is not HTML: {error}") from error
    options = document.xpath("//select[@name=$name or @id=$name]//option[not(@disabled)]", name=select)
    values = [option.get("value", option.text_content()).strip() for option in options]
    if odd := [value for value in values[1:] if value and not pattern.fullmatch(value)]:
        raise UnreadableAnswer(f"{select} also offers {odd}; give years and modes in the options of the source")
    return [value for value in values if pattern.fullmatch(value)]


def _records(session: Session, options: Options, layer: str, progress: Progress) -> list[RawRecord]:
    """The records of one layer, sorted by id."""
    answer = session.get_json(_below(options.url, f"api/geo/{layer}"))
    if not isinstance(answer, dict) or not isinstance(answer.get("features"), list):
        raise UnreadableAnswer(f"{layer} is not a FeatureCollection: {str(answer)[:200]}")
    by_name: dict[str, dict[bytes, RawRecord]] = defaultdict(dict)
    for feature in answer["features"]:
        content = {"feature": feature, "layer": layer, "service": options.shown_location}
        said = RawRecord(id="", content=content, place_keys=_PASSING)
        by_name[_name(feature) or f"sha256:{said.digest().hex()}"].setdefault(said.digest(), said)
    records = [
        replace(said, id=f"{layer}/{name}" + (f"#{number}" if number > 1 else ""))
        for name, by_digest in by_name.items()
        # A scene in several parts makes several records, numbered in an order that does not depend on the answer's.
        for number, (_, said) in enumerate(sorted(by_digest.items()), start=1)
    ]
    progress.pass_over("duplicates", len(answer["features"]) - len(records))
    return sorted(records, key=lambda record: record.id)


def _name(feature: Any) -> str | None:
    name = said_in(feature, "properties", "ds_name")
    return name if isinstance(name, str) and name else None


def _below(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path}"
