"""Reads a STAC API: a search, narrowed as far as the service can, followed page by page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from logging import getLogger
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from pystac.utils import datetime_to_str
from pystac_client import Client, ItemSearch
from pystac_client.stac_api_io import StacApiIO

from harvester.credentials import is_secret_name
from harvester.errors import CursorLost, SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.http import Session, headers_told
from harvester.record import Page
from harvester.sources.source import Progress, Selection, once_each, said_in
from harvester.sources.stac.documents import links_of
from harvester.sources.stac.options import Options
from harvester.sources.stac.record import listed_record

logger = getLogger(__name__)

_PAGE_SIZE = 250
_MOST_EMPTY_PAGES = 20
#: A count that falls more often is not a count.
_MOST_TIMES_AGAIN = 3
#: An answer may be as long as a whole file: it is cut, so that each page can be one transaction.
_MOST_RECORDS = 1000

Method = Literal["GET", "POST"]


class SessionIO(StacApiIO):
    """Sends all requests of pystac-client through our session: rate-limited, repeated, and only to allowed hosts."""

    def __init__(self, session: Session) -> None:
        """Send requests through `session`."""
        super().__init__(max_retries=None)
        self._session = session

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ARG002 -- the signature of StacIO
        """The document at an address; never a local file."""
        return self.request(getattr(source, "href", str(source)))

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """One good answer."""
        if method in (None, "GET"):
            return self._session.request("GET", href, headers=headers, parameters=parameters or None).text
        return self._session.request(method or "POST", href, headers=headers, body=parameters).text


@dataclass(frozen=True)
class PageRequest:
    """The request for the next page, as the service gave it; its text is the cursor."""

    method: Method
    href: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)  #: given by the service
    page_before: str | None = None  #: digest of the page that led here, to recognise its repetition
    is_closed: bool = False  #: whether nothing can join the results, which changed before the search began
    total: int | None = None  #: number of Items given with the previous page
    given: int = 0  #: this many Items of the answer were read already…
    page: str | None = None  #: …if the answer still has this digest

    @classmethod
    def of_cursor(cls, cursor: str) -> PageRequest:
        """The request that a cursor stands for.

        Raises:
            CursorLost: It needs a header that was not kept.
        """
        request = cls(**json.loads(cursor))
        if lost := [name for name, value in request.headers.items() if value is None]:
            raise CursorLost(f"{_shown(request.href)} wants the headers {', '.join(lost)}, which are not kept.")
        return request

    def cursor(self) -> str:
        """The cursor that stands for this request."""
        kept = {name: None if is_secret_name(name) else value for name, value in self.headers.items()}
        return json.dumps(asdict(replace(self, headers=kept)), sort_keys=True)

    def answer(self, session: Session) -> Any:
        """The answer to the request.

        Raises:
            SourceUnavailable: The service cannot be reached, or does not answer with JSON.
        """
        told = {name: value for name, value in self.headers.items() if value is not None}
        if self.method == "GET":
            return session.get_json(self.href, told=told)
        return session.post_json(self.href, self.body, told=told)

    @property
    def key(self) -> str:
        """A key that is equal for equal requests."""
        return _digest([self.method, self.href, self.body, dict(self.headers)])


@dataclass
class Trail:
    """The requests and pages so far, so that a service cannot lead the reader in circles."""

    requests: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    empty_in_a_row: int = 0

    def enter(self, request: PageRequest) -> None:
        """Note a request.

        Raises:
            UnreadableAnswer: It was made before.
        """
        if request.key in self.requests:
            raise UnreadableAnswer(f"{_shown(request.href)}: its next links go round in a circle")
        self.requests.add(request.key)
        if request.page_before:
            self.pages.add(request.page_before)

    def see(self, request: PageRequest, features: list[Any]) -> str | None:
        """Note a page, and return its digest, None for an empty one.

        Raises:
            UnreadableAnswer: It was seen before, or there are only empty pages.
        """
        self.empty_in_a_row = 0 if features else self.empty_in_a_row + 1
        if self.empty_in_a_row > _MOST_EMPTY_PAGES:
            raise UnreadableAnswer(f"{_shown(request.href)}: {_MOST_EMPTY_PAGES} empty pages, each with a next link")
        if not features:
            return None
        digest = _digest([_name_of(feature) for feature in features])
        if digest in self.pages:
            raise UnreadableAnswer(f"{_shown(request.href)}: the page is one that it gave before, under another link")
        self.pages.add(digest)
        return digest


def search_pages(
    session: Session, client: Client, options: Options, selection: Selection, cursor: str | None, progress: Progress
) -> Iterator[Page]:
    """The selected Items of an API, page by page.

    Raises:
        SourceUnavailable: None of the searches is answered, or a next link leads to a host that is not allowed.
        SourceRefused: It refuses our credentials.
    """
    opening = partial(_opening, session, client, options, selection)
    request, answer = (PageRequest.of_cursor(cursor), None) if cursor else opening()
    return linked_pages(session, request, options, progress, answer, opening)


def linked_pages(
    session: Session,
    request: PageRequest,
    options: Options,
    progress: Progress,
    answer: Any = None,
    again: Callable[[], tuple[PageRequest, Any]] | None = None,
) -> Iterator[Page]:
    """The pages from `request` on, along the next links.

    Args:
        session: to ask with.
        request: for the first page.
        options: where the Items are.
        progress: kept up to date.
        answer: to the first request, if it was sent already.
        again: starts again from the beginning: removed Items may have moved others to pages already read.

    Raises:
        SourceUnavailable: A next link leads to a host that is not allowed.
        UnreadableAnswer: A page is not a FeatureCollection, or the pages form a circle.
    """
    trail, times_again = Trail(), 0
    trail.enter(request)
    following: PageRequest | None = request
    while following:
        request = following
        answer = request.answer(session) if answer is None else answer
        features = _features(request, answer)
        if again and request.is_closed and _falls(request.total, _total(answer)) and times_again < _MOST_TIMES_AGAIN:
            logger.info("%s: some of its Items changed while they were read: once more", options.shown_location)
            trail, times_again = Trail(), times_again + 1
            following, answer = again()
            trail.enter(following)
            continue
        digest = trail.see(request, features)
        following = _next_request(request, answer, digest)
        fault = _fault_of_link(following, session, trail) if following else None
        # A wrong link must not be the cursor, which stays when the link is mended: this page is asked for again.
        onwards = replace(request, given=len(features), page=digest) if fault else following
        begin = request.given if request.page == digest else 0
        for start in range(begin, max(len(features), begin + 1), _MOST_RECORDS):
            end = start + _MOST_RECORDS
            going_on = replace(request, given=end, page=digest) if end < len(features) else onwards
            some = features[start:end]
            progress.records += len(some)
            progress.total = progress.total if _total(answer) is None else _total(answer)
            records = (listed_record(feature, request.href.partition("?")[0], options.preset) for feature in some)
            yield Page(
                records=once_each(records, progress, _updated_at), next_cursor=going_on.cursor() if going_on else None
            )
        if fault:
            raise fault
        answer = None


def _fault_of_link(following: PageRequest, session: Session, trail: Trail) -> SourceUnavailable | None:
    """Why a next link is not followed, if it is not."""
    try:
        session.check_allowed(following.href)
        trail.enter(following)
    except SourceUnavailable as error:
        return error
    return None


def can_filter(client: Client) -> bool:
    """Whether the API declares that it can filter by the time of change."""
    return client.conforms_to("FILTER") or client.conforms_to("QUERY")


def _opening(session: Session, client: Client, options: Options, selection: Selection) -> tuple[PageRequest, Any]:
    """The narrowest first request that the service answers, and its answer."""
    failure: SourceUnavailable | None = None
    for arguments in _narrowings(client, selection):
        is_closed = not arguments.keys().isdisjoint(("filter", "query"))
        request = replace(_request_of(_search(client, options, selection, arguments)), is_closed=is_closed)
        try:
            return request, request.answer(session)
        except SourceRefused:
            raise
        # Services answer 400, 422 or 500 to a property that they cannot query or sort.
        except SourceUnavailable as error:
            logger.warning("%s: search with %s failed: %s", options.shown_location, sorted(arguments), error)
            failure = error
    raise failure or SourceUnavailable(f"{options.shown_location}: it cannot be searched")


def _narrowings(client: Client, selection: Selection) -> Iterator[dict[str, Any]]:
    """Arguments of the search, from the narrowest to the simplest; the last ones may give more than is selected."""
    is_sortable = client.conforms_to("SORT")
    changed = _change_filter(client, selection)
    if changed and is_sortable:
        yield changed | {"sortby": "updated,id"}
    if changed:
        yield changed
    if is_sortable:
        yield {"sortby": "id"}
    yield {}


def _change_filter(client: Client, selection: Selection) -> dict[str, Any]:
    if selection.since and not selection.until:
        # With this bound, an Item that changes meanwhile leaves the results, which is noticed, and the next run reads
        # it. Without it, the Item would move to the end, and others to pages already read.
        selection = replace(selection, until=datetime.now(UTC))
    bounds = {">=": selection.since, "<": selection.until}
    moments = {sign: datetime_to_str(moment) for sign, moment in bounds.items() if moment}
    if not moments:
        return {}
    if client.conforms_to("FILTER"):
        terms = [{"op": sign, "args": [{"property": "updated"}, {"timestamp": at}]} for sign, at in moments.items()]
        return {"filter": terms[0] if len(terms) == 1 else {"op": "and", "args": terms}}
    if client.conforms_to("QUERY"):
        names = {">=": "gte", "<": "lt"}
        return {"query": {"updated": {names[sign]: at for sign, at in moments.items()}}}
    logger.warning("%s cannot be asked for what has changed: everything is read", client.id)
    return {}


def _search(client: Client, options: Options, selection: Selection, arguments: Mapping[str, Any]) -> ItemSearch:
    methods = {link.extra_fields.get("method", "GET") for link in client.get_links("search")}
    return client.search(
        method="POST" if "POST" in methods else "GET",
        limit=options.page_size or _PAGE_SIZE,
        collections=list(options.collections) or None,
        bbox=selection.bbox,
        **arguments,
    )


def _request_of(search: ItemSearch) -> PageRequest:
    if search.method == "GET":
        return PageRequest("GET", search.url_with_parameters())
    # As JSON data, so that a request and the one from its cursor are equal.
    return PageRequest("POST", search.url, json.loads(json.dumps(search.get_parameters())))


def _features(request: PageRequest, answer: Any) -> list[Any]:
    features = answer.get("features") if isinstance(answer, Mapping) else None
    if not isinstance(features, list):
        raise UnreadableAnswer(f"{_shown(request.href)}: the page has no list of features: not empty but wrong")
    return features


def _total(answer: Mapping[str, Any]) -> int | None:
    """The total number of Items, if the service gives it."""
    total = answer.get("numberMatched", said_in(answer, "context", "matched"))
    return total if isinstance(total, int) else None


def _falls(before: int | None, total: int | None) -> bool:
    return before is not None and total is not None and total < before


def _updated_at(content: Mapping[str, Any]) -> Any:
    return said_in(content, "item", "properties", "updated")


def _next_request(request: PageRequest, answer: Mapping[str, Any], digest: str | None) -> PageRequest | None:
    link = next((link for link in links_of(answer) if link.get("rel") == "next"), None)
    if link is None or not isinstance(link.get("href"), str):
        return None
    href, page_before = urljoin(request.href, link["href"]), digest or request.page_before
    following = PageRequest("GET", href, page_before=page_before, is_closed=request.is_closed, total=_total(answer))
    merged = request if link.get("merge") else following
    if urlsplit(href).netloc == urlsplit(request.href).netloc:
        following = replace(following, headers={**merged.headers, **headers_told(link.get("headers") or {})})
    method = str(link.get("method") or "GET").upper()
    if method == "GET":
        return following
    body = link.get("body") or {}
    if method != "POST" or not isinstance(body, Mapping):
        raise UnreadableAnswer(f"{_shown(request.href)}: its next link is no GET, nor a POST of an object")
    return replace(following, method="POST", body={**(merged.body or {}), **body})


def _shown(href: str) -> str:
    parts = urlsplit(href)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _name_of(feature: Any) -> Any:
    # Signed addresses differ in each answer, ids do not.
    return [feature.get("collection"), feature["id"]] if isinstance(feature, Mapping) and "id" in feature else feature


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
