"""Pages requested by number, where neither a count nor the length of a page shows where the end is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from harvester.errors import UnreadableAnswer
from harvester.sources.positions import ResumablePosition

#: A page may be repeated this many times in a row before that means something; once or twice is a hiccup.
_PATIENCE = 2
#: A count that falls more often is not a count.
_MOST_STEPS_BACK = 10


class Position(ResumablePosition):
    """The next page, and what is known of those before it."""

    size: int  #: records a page
    collection: str = ""
    page: int = 1
    read: int = 0  #: records of the previous pages
    total: int = 0  #: count at the previous page, where counts are trusted
    first: str = ""  #: digest of the first page
    previous: str = ""  #: digest of the previous page
    repeats: int = 0  #: consecutive pages that were seen before

    def back(self, gone: int) -> Self:
        """Where to continue when so many records are gone: later ones moved to pages already read."""
        pages = min(gone // self.size + 1, self.page - 1)
        read = max(0, self.read - pages * self.size)
        changed = {"page": self.page - pages, "read": read, "total": self.total - gone, "previous": ""}
        return self.model_copy(update=changed)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One page of the service."""

    features: Sequence[Any]
    total: int | None = None  #: count given by the service; trusted only where nothing else helps


def numbered_pages(
    ask: Callable[[Position], Answer], start: Position, *, may_cap: bool, counts: bool = False
) -> Iterator[tuple[Answer, Position | None]]:
    """Each page from a position on, with the position after it; the last one is empty, or a repetition.

    A short page is not the end, as some services filter pages after cutting them: only an empty one is.

    Args:
        ask: asks for one page.
        start: where to begin.
        may_cap: The service may silently serve fewer records than asked for. After a short first page its length
            becomes the page size, so that page numbers fit what is really served.
        counts: The totals are counts, not estimates: where one falls, records were removed meanwhile, and reading goes
            back by as many.

    Raises:
        UnreadableAnswer: The same page comes again and again although there should be more.
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
        following = _after(position.model_copy(update={"total": total}), answer, may_cap=may_cap)
        yield answer, following
        position = following


def _after(position: Position, answer: Answer, *, may_cap: bool) -> Position | None:
    if not (count := len(answer.features)):
        return None
    digest = digest_of(answer.features)
    if digest in (position.first, position.previous):
        return _after_repeat(position, answer)
    return Position(
        size=count if may_cap and position.page == 1 and count < position.size else position.size,
        collection=position.collection,
        page=position.page + 1,
        read=position.read + count,
        total=position.total,
        first=position.first or digest,
        previous=digest,
    )


def _after_repeat(position: Position, answer: Answer) -> Position | None:
    """Beyond the end some services repeat their last page for ever; one that ignores page numbers is refused."""
    if position.repeats < _PATIENCE:
        return position.model_copy(update={"page": position.page + 1, "repeats": position.repeats + 1})
    if len(answer.features) < position.size or (answer.total is not None and answer.total <= position.read):
        return None
    raise UnreadableAnswer(
        f"page {position.page} is one that came before, though {answer.total or 'more'} records are announced and "
        f"{position.read} were read: the service seems to ignore page numbers"
    )


def digest_of(features: Sequence[Any]) -> str:
    """A digest that identifies a page: of its ids where it has any, as its other contents may differ each time."""
    names = [feature.get("id", feature) if isinstance(feature, Mapping) else feature for feature in features]
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]


def features_of(answer: Any) -> list[Any]:
    """The features of a GeoJSON answer.

    Raises:
        UnreadableAnswer: It is not a feature collection, which never counts as an empty one.
    """
    features = answer.get("features") if isinstance(answer, Mapping) else None
    if not isinstance(features, list):
        raise UnreadableAnswer(f"the answer has no list of features but {str(answer)[:120]!r}")
    return features


def whole_number(value: Any) -> int | None:
    """A count, also if the service writes it as a text; None if it is not one."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
