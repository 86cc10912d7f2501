"""The source `stac`: any STAC API, static catalogue or bulk file of Items."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urljoin

import httpx
from pystac_client import Client

from harvester.errors import UnreadableAnswer
from harvester.http import Session, TooLongAnswer
from harvester.record import Page
from harvester.sources.source import Fingerprints, Progress, Selection, by_years_of_change
from harvester.sources.stac.bulk import bulk_content, bulk_pages, bulk_state, is_bulk_file, is_other_content
from harvester.sources.stac.bulk_lines import ONE_A_LINE
from harvester.sources.stac.documents import PYSTAC_FAULTS, links_of
from harvester.sources.stac.items import scene_from_record
from harvester.sources.stac.options import Options
from harvester.sources.stac.search import PageRequest, SessionIO, can_filter, linked_pages, search_pages
from harvester.sources.stac.static import documents_of, static_pages

__all__ = [
    "Options",
    "content_of",
    "is_other_content",
    "is_selectable",
    "read_pages",
    "scene_from_record",
    "state_of",
    "windows",
]

is_selectable = True


def read_pages(
    options: Options,
    selection: Selection,
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,
) -> Iterator[Page]:
    """Read the selected Items page by page.

    An API is searched by the box, and by the time of change if it can filter by `updated`. A static catalogue and a
    bulk file are always read whole, but only those lines of a bulk file are parsed that were not there last time.

    Raises:
        SourceUnavailable: It cannot be reached, or its answer is not STAC.
        SourceRefused: It refuses our credentials.
    """
    if is_bulk_file(options.url):
        with _session_of_bulk_file(options) as session:
            yield from bulk_pages(session, options, cursor, progress, fingerprints)
    else:
        with Session(options, auth=_authorisation(options)) as session:
            yield from _catalogue_pages(session, options, selection, cursor, progress)


def state_of(options: Options) -> str | None:
    """The version of a bulk file, and the preset by which it is read; None for an API or a catalogue.

    Raises:
        SourceUnavailable: A file on this machine cannot be found.
    """
    if not is_bulk_file(options.url):
        return None
    with _session_of_bulk_file(options) as session:
        return bulk_state(session, options)


def content_of(options: Options) -> str | None:
    """A digest of a bulk file on this machine, and the preset by which it is read.

    Raises:
        SourceUnavailable: It cannot be read.
    """
    is_near = is_bulk_file(options.url) and options.url.startswith("file:")
    return bulk_content(options) if is_near else None


def _session_of_bulk_file(options: Options) -> AbstractContextManager[Session | None]:
    """A session, except for a file on this machine: loading the certificates alone may take longer than the run."""
    return nullcontext() if options.url.startswith("file:") else Session(options, auth=_authorisation(options))


def windows(options: Options, selection: Selection) -> Sequence[Selection]:
    """The selection by years of change, if the API can filter by it; else as one part.

    Raises:
        SourceUnavailable: The API cannot be reached, or its answer is not STAC.
    """
    if is_bulk_file(options.url) or options.url.startswith("file:"):
        return [selection]
    parts = by_years_of_change(selection)
    return parts if len(parts) > 1 and _is_filtering_api(options) else [selection]


def _catalogue_pages(
    session: Session, options: Options, selection: Selection, cursor: str | None, progress: Progress
) -> Iterator[Page]:
    root = _root(session, options)
    if listing := _listing(options, root):
        if cursor:
            return linked_pages(session, PageRequest.of_cursor(cursor), options, progress)
        first = root if listing == options.url else None
        return linked_pages(session, PageRequest("GET", listing), options, progress, first)
    client = _client(session, options, root)
    if client is None:
        return static_pages(documents_of(options, session), root, options, cursor, progress)
    return search_pages(session, client, options, selection, cursor, progress)


def _root(session: Session, options: Options) -> Mapping[str, Any]:
    try:
        root = documents_of(options, session).get_json(options.url)
    except TooLongAnswer as error:
        raise UnreadableAnswer(f"{options.shown_location} is too long to be one document; {ONE_A_LINE}") from error
    kinds = ("Catalog", "Collection", "FeatureCollection")
    # Before STAC 1.0, a catalogue does not give its type.
    kind = root.get("type", "Catalog") if isinstance(root, Mapping) else None
    if kind not in kinds:
        raise UnreadableAnswer(
            f"{options.shown_location} is none of {', '.join(kinds)}; give the root of a catalogue, or a file with one "
            "Item a line and a name that ends in .ndjson"
        )
    if kind == "FeatureCollection" and options.url.startswith("file:"):
        raise UnreadableAnswer(f"{options.shown_location} is one document over all Items; {ONE_A_LINE}")
    return {**root, "type": kind}


def _listing(options: Options, root: Mapping[str, Any]) -> str | None:
    """The address of a paged list of Items that cannot be searched: that of one collection of an API."""
    if root["type"] == "FeatureCollection":
        return options.url
    items = next((link.get("href") for link in links_of(root) if link.get("rel") == "items"), None)
    return urljoin(options.url, str(items)) if root["type"] == "Collection" and items else None


def _client(session: Session, options: Options, root: Mapping[str, Any]) -> Client | None:
    """The client of an API, from its root document; None for a static catalogue."""
    if options.static or root["type"] != "Catalog":
        return None
    try:
        client = SessionIO(session).stac_object_from_dict(dict(root), href=options.url)
    except PYSTAC_FAULTS as error:
        raise UnreadableAnswer(f"{options.shown_location} is not a STAC catalogue: {error!r}") from error
    # Not every searchable API says so in `conformsTo`.
    if isinstance(client, Client) and (options.static is False or client.get_links("search")):
        client.add_conforms_to("ITEM_SEARCH")
        return client
    return None


def _is_filtering_api(options: Options) -> bool:
    with Session(options, auth=_authorisation(options)) as session:
        root = _root(session, options)
        client = _client(session, options, root)
        return client is not None and can_filter(client)


class _Authorisation(httpx.Auth):
    """Credentials for one host, which are not shown to the other allowed hosts."""

    def __init__(self, url: str, header: str) -> None:
        self._host = httpx.URL(url).netloc
        self._header = header

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if request.url.netloc == self._host:
            request.headers["Authorization"] = self._header
        yield request


def _authorisation(options: Options) -> httpx.Auth | None:
    credentials = options.credentials
    if token := credentials.token or credentials.api_key:
        return _Authorisation(options.url, f"Bearer {token.get_secret_value()}")
    if credentials.user and credentials.password:
        pair = f"{credentials.user}:{credentials.password.get_secret_value()}"
        return _Authorisation(options.url, f"Basic {b64encode(pair.encode()).decode()}")
    return None
