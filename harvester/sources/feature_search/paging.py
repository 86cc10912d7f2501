"""Pages that are asked by number, where neither a count nor the length of a page tells where the end is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from harvester.errors import SourceUnavailable, UnreadableAnswer
from harvester.record import RawRecord
from harvester.sources.lasting_addresses import with_blank_signatures

#: So many times in a row a page may come again before it means something; once or twice it is only a hiccup.
_PATIENCE = 2
#: A count that falls more often is none.
_MOST_STEPS_BACK = 10


@dataclass(frozen=True, kw_only=True)
class Position:
    """Which page is asked next, and what is known of those before it: all that a cursor holds."""

    size: int  #: records a page
    collection: str = ""
    page: int = 1
    read: int = 0  #: records of the pages before
    total: int = 0  #: how many there were when the page before was asked, where counts are believed
    first: str = ""  #: digest of the first page
    previous: str = ""  #: digest of the page before
    repeats: int = 0  #: pages in a row that were seen before

    def back(self, gone: int) -> Self:
        """Where to go on when so many records are gone: those behind them moved to pages that were read."""
        pages = min(gone // self.size + 1, self.page - 1)
        read = max(0, self.read - pages * self.size)
        return replace(self, page=self.page - pages, read=read, total=self.total - gone, previous="")

    def cursor(self) -> str:
        """This position as text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        """The position that `cursor` wrote.

        Raises:
            SourceUnavailable: It is of another kind or version.
        """
        try:
            return cls(**json.loads(cursor))
        except (TypeError, ValueError) as error:
            raise SourceUnavailable(f"its cursor {cursor[:80]!r} is not understood; begin anew with --full") from error


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One page as the service gives it."""

    features: Sequence[Any]
    total: int | None = None  #: how many the service says there are; believed only where nothing else helps


def numbered_pages(
    ask: Callable[[Position], Answer], start: Position, *, may_cap: bool, counts: bool = False
) -> Iterator[tuple[Answer, Position | None]]:
    """Each page from a position on, with the position after it; the last is empty, or one that came before.

    A short page is not the end, because services filter pages after cutting them: only an empty one is.

    Args:
        ask: asks for one page.
        start: where to begin.
        may_cap: The service may serve fewer records than asked without saying so. After a short first page its length
            is asked for, so that page numbers count what is really served.
        counts: Its totals are counts, and no estimates: where one falls, records were removed meanwhile, and reading
            goes back by as many.

    Raises:
        UnreadableAnswer: The same page comes again and again though there should be more.
    """
    position: Position | None = start
    steps_back = 0
    while position is not None:
        answer = ask(position)
        total = answer.total if counts and answer.total is not None else position.total
        if total < position.total and steps_back < _MOST_STEPS_BACK:
            steps_back += 1
            position = position.back(position.total - total)
            continue
        following = _after(replace(position, total=total), answer, may_cap=may_cap)
        yield answer, following
        position = following


def _after(position: Position, answer: Answer, *, may_cap: bool) -> Position | None:
    if not (count := len(answer.features)):
        return None
    digest = digest_of(answer.features)
    if digest in (position.first, position.previous):
        return _after_repeat(position, answer)
    return replace(
        position,
        size=count if may_cap and position.page == 1 and count < position.size else position.size,
        page=position.page + 1,
        read=position.read + count,
        first=position.first or digest,
        previous=digest,
        repeats=0,
    )


def _after_repeat(position: Position, answer: Answer) -> Position | None:
    """Beyond the end some services serve their last page for ever; one that ignores page numbers must not pass."""
    if position.repeats < _PATIENCE:
        return replace(position, page=position.page + 1, repeats=position.repeats + 1)
    if len(answer.features) < position.size or (answer.total is not None and answer.total <= position.read):
        return None
    raise UnreadableAnswer(
        f"page {position.page} is one that came before, though {answer.total or 'more'} records are announced and "
        f"{position.read} were read: the service seems to ignore page numbers"
    )


def digest_of(features: Sequence[Any]) -> str:
    """By which a page is known again: its ids, where it has some, because what else is said may differ each time."""
    names = [feature.get("id", feature) if isinstance(feature, Mapping) else feature for feature in features]
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]


def features_of(answer: Any) -> list[Any]:
    """The features of a GeoJSON answer.

    Raises:
        UnreadableAnswer: It is no feature collection; that is never the same as an empty one.
    """
    features = answer.get("features") if isinstance(answer, Mapping) else None
    if not isinstance(features, list):
        raise UnreadableAnswer(f"the answer has no list of features but {str(answer)[:120]!r}")
    return features


def whole_number(value: Any) -> int | None:
    """A count, also where the service writes it as a text; None where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def raw_record(feature: Any, record_id: Any, passing: frozenset[str] = frozenset()) -> RawRecord:
    """A feature as a record; one without an id is known by its content, so that it can be refused with a reason.

    Args:
        feature: as the service gives it.
        record_id: its id there.
        passing: places of what changes without the image.
    """
    content = with_blank_signatures(feature if isinstance(feature, Mapping) else {"not_an_object": feature})
    if isinstance(record_id, str) and record_id:
        return RawRecord(id=record_id, content=content, place_keys=passing)
    return RawRecord(id=f"sha256:{RawRecord(id='', content=content).digest().hex()}", content=content)
