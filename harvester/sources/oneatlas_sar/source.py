"""The source `oneatlas-sar`: TerraSAR-X, TanDEM-X and PAZ in the radar catalogue of Airbus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from harvester.errors import SourceRefused, UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, RawRecord, Withdrawal
from harvester.sources.airbus.auth import auth_of, with_hosts_of
from harvester.sources.airbus.features import moment_or_none, records_from_features
from harvester.sources.oneatlas_sar.options import Feed, Options
from harvester.sources.oneatlas_sar.records import scene_from_record
from harvester.sources.positions import ResumablePosition
from harvester.sources.source import Fingerprints, Progress, Selection, once_each, said_in, undivided

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = True
#: A feed can only be read one page after the other.
windows = undivided

#: A revocation is a change too: a record changed up to this long after its revocation is still revoked.
_STILL_REVOKED = timedelta(days=1)

#: Fields that change without the image: validity and addressee of the offer, number of similar images.
_PASSING = frozenset({"properties.expiry", "properties.orderTemplate", "properties.datastackCount"})


class _Position(ResumablePosition):
    """What is read next: a page of acquisitions or, after all of these, of revocations."""

    parameters: Mapping[str, str] | None  #: of the page of acquisitions; None after the last
    returned: tuple[str, ...] = ()  #: acquisitions seen so far that were catalogued again after being revoked
    revoked: str = ""  #: the last acquisition, by name, whose revocation was given out


@dataclass(frozen=True)
class _Answer:
    entries: list[Any]
    total: int | None
    following: Mapping[str, str] | None  #: parameters of the next page of the same feed


@dataclass(frozen=True)
class _Revocation:
    issued: str | None  #: as the service writes it

    def withdrawal(self, acquisition: str) -> Withdrawal:
        # Without a date, as the log goes on showing revoked records: this one may have been seen later.
        return Withdrawal(id=acquisition, reason=f"revoked by Airbus on {self.issued or 'an unknown date'}")

    def is_over_for(self, record: RawRecord) -> bool:
        """Whether an acquisition was catalogued again after it had been revoked."""
        issued, updated = moment_or_none(self.issued), moment_or_none(_updated_at(record.content))
        return issued is not None and updated is not None and updated > issued + _STILL_REVOKED


def read_pages(
    options: Options,
    selection: Selection,
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,  # noqa: ARG001  # the service gives whole records only
) -> Iterator[Page]:
    """Read the acquisitions that are not revoked, then the revocations, page by page.

    The feed of acquisitions is a log that goes on showing revoked ones. So the revocations are requested first, and
    again by each process that continues a run.

    Args:
        options: where and how.
        selection: `since` applies to both feeds; they have neither `until` nor `bbox`, which are ignored.
        cursor: of the page after which to continue.
        progress: kept up to date.
        fingerprints: not used.

    Raises:
        SourceUnavailable: the service does not answer as it should.
        SourceRefused: it refuses the key, or there is none.
    """
    if options.lacks_credentials:
        raise SourceRefused("The radar catalogue is only shown to holders of an API key: give this source an api_key.")
    start = _Position(parameters=_first(options, selection.since))
    position = _Position.from_cursor(cursor) if cursor else start
    with Session(with_hosts_of(options), auth=auth_of(options)) as session:
        progress.at_hand = "revocations"
        revocations = _revocations(session, options, selection)
        progress.at_hand = "acquisitions"
        for answer in _answers(session, options, "replication", position.parameters):
            told = records_from_features(answer.entries, "acquisitionId", _PASSING)
            records = once_each(told, progress, _updated_at)
            revoked = {record.id for record in records if record.id in revocations}
            returned = {each.id for each in records if each.id in revoked and revocations[each.id].is_over_for(each)}
            position = position.model_copy(
                update={"parameters": answer.following, "returned": (*position.returned, *sorted(returned))}
            )
            yield _page(records, revoked - returned, answer, position, progress)
    yield from _withdrawals(revocations, position, options.page_size)


def _first(options: Options, since: datetime | None) -> Mapping[str, str]:
    """The parameters of the first page of a feed."""
    changed = {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}
    return {"limit": str(options.page_size), **changed}


def _revocations(session: Session, options: Options, selection: Selection) -> Mapping[str, _Revocation]:
    """All revocations, by acquisition."""
    found: dict[str, _Revocation] = {}
    start = _first(options, selection.since - _STILL_REVOKED if selection.since else None)
    for answer in _answers(session, options, "revocation", start):
        for entry in answer.entries:
            if not isinstance(entry, Mapping) or not isinstance(entry.get("acquisitionId"), str):
                raise UnreadableAnswer(f"a revocation does not name its acquisition: {entry!r:.80}")
            found[entry["acquisitionId"]] = _Revocation(entry.get("issueTime"))
    return found


def _updated_at(content: Mapping[str, Any]) -> Any:
    return said_in(content, "properties", "lastUpdateTime")


def _page(
    records: list[RawRecord], revoked: Set[str], answer: _Answer, position: _Position, progress: Progress
) -> Page:
    progress.records += len(records) - len(revoked)
    progress.total = answer.total or progress.total
    progress.pass_over("revoked", len(revoked))
    return Page(records=[record for record in records if record.id not in revoked], next_cursor=position.cursor())


def _withdrawals(revocations: Mapping[str, _Revocation], position: _Position, size: int) -> Iterator[Page]:
    """The acquisitions that were revoked and not catalogued again, after that of the position."""
    left = sorted(name for name in revocations.keys() - position.returned if name > position.revoked)
    for start in range(0, len(left) or 1, size):
        told = left[start : start + size]
        is_last = start + size >= len(left)
        yield Page(
            records=[],
            withdrawals=[revocations[name].withdrawal(name) for name in told],
            next_cursor=None if is_last else position.model_copy(update={"revoked": told[-1]}).cursor(),
        )


def _answers(session: Session, options: Options, feed: Feed, parameters: Mapping[str, str] | None) -> Iterator[_Answer]:
    """The pages of a feed, from that of the parameters on.

    Raises:
        UnreadableAnswer: a page leads back to an earlier one.
    """
    asked: set[frozenset[tuple[str, str]]] = set()
    while parameters is not None:
        if (question := frozenset(parameters.items())) in asked:
            raise UnreadableAnswer(f"the next links of {feed} go round in a circle")
        asked.add(question)
        answer = _ask(session, options, feed, parameters)
        yield answer
        parameters = answer.following


def _ask(session: Session, options: Options, feed: Feed, parameters: Mapping[str, str]) -> _Answer:
    """One page of a feed.

    Raises:
        UnreadableAnswer: it is not a page of a feed, or its next link is unusable.
    """
    url = options.feed_url(feed)
    envelope = session.get_json(url, parameters)
    name = "features" if feed == "replication" else "data"
    if not isinstance(envelope, Mapping) or not isinstance(envelope.get(name), list):
        raise UnreadableAnswer(f"{url} answered without the list {name!r}")
    total = envelope.get("total")
    following = _following(envelope, feed) if envelope[name] else None
    return _Answer(envelope[name], total if isinstance(total, int) else None, following)


def _following(envelope: Mapping[str, Any], feed: Feed) -> Mapping[str, str] | None:
    """The parameters of the next link; a feed ends with an empty page or without the link.

    Only the parameters are used: in the vendor's own examples the link's host is an abandoned one. There, even a page
    with fewer entries than requested has a next link.
    """
    link = said_in(envelope, "_links", "next")
    href = link.get("href") if isinstance(link, Mapping) else link
    if not href:
        return None
    following = dict(httpx.URL(str(href)).params)
    if not following:
        raise UnreadableAnswer(f"the next link of {feed} leads nowhere: {href!s:.80}")
    return following
