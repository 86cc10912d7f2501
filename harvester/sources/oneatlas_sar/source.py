"""The source `oneatlas-sar`: TerraSAR-X, TanDEM-X and PAZ in the radar catalogue of Airbus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harvester.errors import SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, Withdrawal
from harvester.sources.oneatlas.auth import OneAtlasOptions
from harvester.sources.oneatlas.features import records_from_features
from harvester.sources.oneatlas_sar.records import scene_from_record
from harvester.sources.source import Fingerprints, Progress, Selection

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = True

_LARGEST_PAGE = 1000
_USUAL_PAGE = 100

Feed = Literal["replication", "revocation"]


class Options(OneAtlasOptions):
    """Where the catalogue is; it always wants an API key."""

    url: str = Field(default="https://sar.api.oneatlas.airbus.com/v1/sar/catalogue", repr=False)

    def feed_url(self, feed: Feed) -> str:
        """The address of a feed."""
        return f"{self.url.rstrip('/')}/{feed}"


class _Position(BaseModel):
    """The page of a feed that is asked next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feed: Feed
    parameters: Mapping[str, str]

    @classmethod
    def first(cls, feed: Feed, options: Options, selection: Selection) -> Self:
        limit = min(options.page_size or _USUAL_PAGE, _LARGEST_PAGE)
        since = {"since": selection.since.strftime("%Y-%m-%dT%H:%M:%SZ")} if selection.since else {}
        return cls(feed=feed, parameters={"limit": str(limit), **since})

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        try:
            return cls.model_validate_json(cursor)
        except ValidationError as error:
            raise SourceUnavailable(f"the cursor {cursor[:80]!r} is not one of this source; start a new run") from error


@dataclass(frozen=True)
class _Answer:
    entries: list[Any]
    total: int | None
    following: _Position | None  #: in the same feed


def read_pages(
    options: Options,
    selection: Selection,
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,  # noqa: ARG001  # the service gives whole records only
) -> Iterator[Page]:
    """Read what was catalogued, then what was revoked, page by page.

    Args:
        options: where and how.
        selection: `since` is asked of both feeds; they know neither `until` nor `bbox`, which are ignored.
        cursor: of the page after which to go on.
        progress: kept up to date.
        fingerprints: not used.

    Raises:
        SourceUnavailable: the service does not answer as it should.
        SourceRefused: it refuses the key, or there is none.
    """
    if options.credentials.api_key is None:
        raise SourceRefused("The radar catalogue is only shown to holders of an API key: give this source an api_key.")
    start = _Position.from_cursor(cursor) if cursor else _Position.first("replication", options, selection)
    with Session(options.with_hosts_of(), auth=options.auth()) as session:
        position: _Position | None = start
        while position is not None:
            answer = _ask(session, options, position)
            following = answer.following
            if following is None and position.feed == "replication":
                following = _Position.first("revocation", options, selection)
            yield _page(position, answer, following, progress)
            position = following


def windows(options: Options, selection: Selection) -> list[Selection]:  # noqa: ARG001  # no option divides a feed
    """The selection as one part: a feed is read one page after the other."""
    return [selection]


def _page(position: _Position, answer: _Answer, following: _Position | None, progress: Progress) -> Page:
    next_cursor = following.model_dump_json() if following else None
    progress.at_hand = position.feed
    if position.feed == "revocation":
        withdrawals = {each.id: each for each in map(_withdrawal, answer.entries)}
        return Page(records=[], withdrawals=list(withdrawals.values()), next_cursor=next_cursor)
    records = records_from_features(answer.entries, "acquisitionId")
    progress.records += len(records)
    progress.total = answer.total or progress.total
    return Page(records=records, next_cursor=next_cursor, expected_total=progress.total)


def _withdrawal(entry: Any) -> Withdrawal:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("acquisitionId"), str):
        raise UnreadableAnswer(f"a revocation does not name its acquisition: {entry!r:.80}")
    # Without a date: both feeds are logs, so that reading an old entry later does not mean that it came back.
    return Withdrawal(
        id=entry["acquisitionId"],
        reason=f"revoked by Airbus on {entry.get('issueTime') or 'an unknown date'}",
    )


def _ask(session: Session, options: Options, position: _Position) -> _Answer:
    """One page of a feed.

    Raises:
        UnreadableAnswer: it is none, or it leads to itself.
    """
    url = options.feed_url(position.feed)
    envelope = session.get_json(url, position.parameters)
    name = "features" if position.feed == "replication" else "data"
    if not isinstance(envelope, Mapping) or not isinstance(envelope.get(name), list):
        raise UnreadableAnswer(f"{url} answered without the list {name!r}")
    total = envelope.get("total")
    following = _following(envelope, position) if envelope[name] else None
    return _Answer(envelope[name], total if isinstance(total, int) else None, following)


def _following(envelope: Mapping[str, Any], position: _Position) -> _Position | None:
    """What the next link asks for; a feed ends with an empty page or without the link.

    Only the parameters of the link are taken: its host is one that was given up in the vendor's own examples. A page
    with fewer entries than were asked for has a next link too in those.
    """
    links = envelope.get("_links")
    link = links.get("next") if isinstance(links, Mapping) else None
    href = link.get("href") if isinstance(link, Mapping) else link
    if not href:
        return None
    parameters = dict(httpx.URL(str(href)).params)
    following = _Position(feed=position.feed, parameters=parameters)
    if not parameters or following == position:
        raise UnreadableAnswer(f"the next link of {position.feed} leads nowhere: {href!s:.80}")
    return following
