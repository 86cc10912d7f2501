"""Drift: fields that the records of a source have for the first time, or no longer have.

Only the paths of fields are compared, never their values, and only for a sample of the records that a run found new
or changed. The sample is stored with each page, so that a killed run loses none of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lxml import etree
from psycopg import Connection
from psycopg.types.json import Jsonb

from database.statements import statements
from harvester import runs
from harvester.feeds import DELIVERIES, Feed
from harvester.record import Page, RawRecord
from harvester.runs import Part
from harvester.runs.report import Outcome, PageReport, printable, storable_id
from harvester.xml_documents import root_of

KEEP_SAMPLE, CHANGED_RECORDS, TAKE_SAMPLES, REMEMBER_FIELDS = statements(
    "harvester.runs", "keep_sample", "changed_records", "take_samples", "remember_fields"
)

#: Most records sampled of each part.
SAMPLED_RECORDS = 500
#: Fields are reported as gone only by a sample of at least this many records.
ENOUGH_RECORDS = 20
#: A field is expected if at least this share of records had it.
USUAL_SHARE = 0.9

_DEEPEST = 40
_MOST_FIELDS = 2000
_LONGEST_NAME = 400  #: characters; PostgreSQL indexes texts up to some 2700 bytes
#: Names with a date or a number in them are those of files and records, not of fields.
_VARYING_NAME = re.compile(r"\d{4}")


@dataclass
class Sample:
    """How many of the sampled records had each field."""

    records: int = 0
    fields: Counter[str] = field(default_factory=Counter)

    def add(self, content: Mapping[str, Any]) -> None:
        """Count the fields of one more record."""
        self.records += 1
        found = field_names(content)
        self.fields.update(found if len(self.fields) < _MOST_FIELDS else found & self.fields.keys())

    def share(self, name: str) -> float:
        """The share of the records that have a field."""
        return self.fields[name] / self.records


def field_names(content: Mapping[str, Any]) -> set[str]:
    """The paths of all fields of a record: `properties.cloudCover`, `links[].href`, `xml.MD_Metadata.contact`.

    The members of a list share one path, and so do names with four digits in a row (`assets.*`). A text under `xml`
    is read as XML.
    """
    return set(_json_fields(content))


def _json_fields(content: Mapping[str, Any]) -> Iterator[str]:
    waiting: list[tuple[str, Any, int]] = [("", content, 0)]
    while waiting:
        where, node, depth = waiting.pop()
        if isinstance(node, list):
            # Nested lists are coordinates: the first is enough.
            first = node[:1] if node and isinstance(node[0], list) else []
            members = [each for each in node if isinstance(each, dict)]
            waiting += ((f"{where}[]", each, depth + 1) for each in (*first, *members))
        elif isinstance(node, Mapping) and depth < _DEEPEST:
            for key, value in node.items():
                place = _place(where, key)
                yield place
                if key == "xml" and isinstance(value, str):
                    yield from _elements(value, place)
                elif isinstance(value, dict | list):
                    waiting.append((place, value, depth + 1))


@lru_cache(maxsize=_MOST_FIELDS)
def _place(where: str, name: str) -> str:
    name = "*" if _VARYING_NAME.search(name) else name
    return printable(f"{where}.{name}" if where else name)[:_LONGEST_NAME]


def _elements(document: str, where: str) -> Iterator[str]:
    """The elements of an XML document by local name; none if it is not well-formed, which its reader refuses."""
    try:
        waiting = [(where, root_of(document.encode(errors="replace")), 0)]
    except ValueError:
        return
    while waiting:
        above, element, depth = waiting.pop()
        place = _place(above, str(element.tag).rpartition("}")[2])
        yield place
        if depth < _DEEPEST:
            waiting += ((place, child, depth + 1) for child in element.iterchildren(etree.Element))


def keep_sample(connection: Connection, part: Part, feed: Feed, page: Page, written: PageReport) -> None:
    """Sample the new and changed records of a page, in its transaction, until the part has enough.

    Deliveries are left out: the strict reader of their documents warns of unknown fields.
    """
    if feed.kind == DELIVERIES or not _may_tell(written):
        return
    sample = _sample_of_part(connection, part)
    if (left := SAMPLED_RECORDS - sample.records) <= 0:
        return
    for raw in _changed(connection, part, feed, page, written)[:left]:
        sample.add(raw.content)
    connection.execute(
        KEEP_SAMPLE,
        {"run": part.run, "part": part.number, "records": sample.records, "fields": Jsonb(sample.fields)},
    )


def _may_tell(written: PageReport) -> bool:
    return any(written.outcomes[each] for each in (Outcome.NEW, Outcome.CHANGED, Outcome.QUARANTINED))


def _sample_of_part(connection: Connection, part: Part) -> Sample:
    row = connection.execute(
        "SELECT records, fields FROM dinamis.part_sample WHERE run = %s AND part = %s", (part.run, part.number)
    ).fetchone()
    return Sample(row[0], Counter(row[1])) if row else Sample()


def _changed(connection: Connection, part: Part, feed: Feed, page: Page, written: PageReport) -> list[RawRecord]:
    """The records that this run changed in the ledger, or refused while an older version is in force."""
    names = {storable_id(raw.id): raw for raw in page.records}
    rows = connection.execute(
        CHANGED_RECORDS,
        {
            "source": feed.source,
            "records": list(names),
            "run": part.run,
            "refused": [refusal.record for refusal in written.refusals],
        },
    )
    changed = {record for (record,) in rows}
    return [raw for name, raw in names.items() if name in changed]


def settle(connection: Connection, run: int, feed: str) -> list[str]:
    """Compare what a run saw with what its feed had before, and store it; returns the differences in sentences.

    Args:
        connection: in autocommit mode; after a lost connection, calling this again gives the same.
        run: number of a run whose parts are all done.
        feed: the name of its feed.
    """
    with connection.transaction():
        sample = _taken_samples(connection, run, feed)
        if sample.records:
            known = _known_fields(connection, feed)
            runs.note(connection, run, "drift", [(text, "", 1) for text in differences(known, sample)])
            _remember(connection, run, feed, sample)
    told = connection.execute(
        "SELECT subject FROM dinamis.run_note WHERE run = %s AND kind = 'drift' ORDER BY subject", (run,)
    )
    return [text for (text,) in told]


def differences(known: Mapping[str, float | None], sample: Sample) -> list[str]:
    """The fields that are new and those that are gone, in sentences; of nested fields only the outermost.

    Args:
        known: the fields before, with the share of records that had each, None where unknown; if empty, nothing is
            reported as new.
        sample: of the present records.
    """
    new = sample.fields.keys() - known.keys() if known else set()
    is_enough = sample.records >= ENOUGH_RECORDS
    gone = {name for name, share in known.items() if is_enough and (share or 0) >= USUAL_SHARE} - sample.fields.keys()
    return [
        *(f"{name} is new: {sample.fields[name]} of {sample.records} records have it" for name in _outermost(new)),
        *(f"{name} is gone: none of {sample.records} records has it" for name in _outermost(gone)),
    ]


def _outermost(names: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for name in sorted(names):
        if not any(name.startswith((f"{above}.", f"{above}[]")) for above in kept):
            kept.append(name)
    return kept


def _taken_samples(connection: Connection, run: int, feed: str) -> Sample:
    """The samples of all parts of a run as one; they and those left by earlier runs are deleted."""
    whole = Sample()
    for number, records, fields in connection.execute(TAKE_SAMPLES, {"feed": feed, "run": run}):
        if number == run:
            whole.records += records
            whole.fields.update(fields)
    return whole


def _known_fields(connection: Connection, feed: str) -> dict[str, float | None]:
    return dict(connection.execute("SELECT field, share FROM dinamis.feed_field WHERE feed = %s", (feed,)).fetchall())


def _remember(connection: Connection, run: int, feed: str, sample: Sample) -> None:
    """Store the fields of a sample; their shares, and that others are missing, only if it is large enough."""
    is_enough = sample.records >= ENOUGH_RECORDS
    if is_enough:
        connection.execute("UPDATE dinamis.feed_field SET share = 0 WHERE feed = %s", (feed,))
    names = list(sample.fields)
    connection.execute(
        REMEMBER_FIELDS,
        {
            "feed": feed,
            "run": run,
            "names": names,
            "shares": [sample.share(name) if is_enough else None for name in names],
        },
    )
