"""Reads a static catalogue: a walk along the links `child` and `item` that can be resumed anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urljoin, urlsplit

from harvester.errors import SourceUnavailable, UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, RawRecord
from harvester.sources.source import Progress, once_each
from harvester.sources.stac.documents import links_of
from harvester.sources.stac.options import Options
from harvester.sources.stac.record import document_record, unreadable_record

_PAGE_SIZE = 100
_DEEPEST = 32

Trace = tuple[str, ...]  #: addresses of the documents from below the root down to an Item


class Documents(Protocol):
    """Reads the JSON documents of a catalogue."""

    def get_json(self, url: str) -> Any:
        """The document at an address.

        Raises:
            UnreadableAnswer: It is not JSON.
            SourceUnavailable: It cannot be read.
        """


class FolderDocuments:
    """Documents on a disk, below one folder."""

    def __init__(self, root_url: str) -> None:
        """Read the catalogue whose root document is at a file URL."""
        self._folder = local_path(root_url).resolve().parent

    def get_json(self, url: str) -> Any:
        """The document at a file URL; raises what `Documents` raises."""
        path = local_path(url).resolve()
        # A catalogue is not to be trusted: its links must not open other files of this machine.
        if not path.is_relative_to(self._folder):
            raise SourceUnavailable(f"{url} lies outside the folder of the catalogue and is not read")
        try:
            return json.loads(path.read_bytes())
        except OSError as error:
            raise SourceUnavailable(f"{url}: {error.strerror}") from error
        except ValueError as error:
            raise UnreadableAnswer(f"{url} is not JSON: {error}") from error


def local_path(url: str) -> Path:
    """The path of a file URL.

    Raises:
        SourceUnavailable: It is not a file URL.
    """
    parts = urlsplit(url)
    if parts.scheme != "file":
        raise SourceUnavailable(f"{parts.scheme}://{parts.netloc}: a catalogue on a disk cannot lead elsewhere")
    return Path(unquote(parts.path))


def documents_of(options: Options, session: Session) -> Documents:
    """The reader for the documents of a catalogue, by its address."""
    return FolderDocuments(options.url) if options.url.startswith("file:") else session


def static_pages(
    documents: Documents, root: Mapping[str, Any], options: Options, cursor: str | None, progress: Progress
) -> Iterator[Page]:
    """The Items of a static catalogue in pages, in the order of its links.

    Raises:
        SourceUnavailable: A document cannot be read, or a child is neither a Catalog nor a Collection.
    """
    walk = _Walk(documents, options)
    page: list[RawRecord] = []
    last: Trace | None = None
    for trace, record in walk.below(options.url, root, tuple(json.loads(cursor)) if cursor else ()):
        if last and len(page) >= (options.page_size or _PAGE_SIZE):
            yield Page(records=once_each(page, progress), next_cursor=json.dumps(last))
            page = []
        page.append(record)
        last = trace
        progress.records += 1
    yield Page(records=once_each(page, progress), next_cursor=None)


class _Walk:
    def __init__(self, documents: Documents, options: Options) -> None:
        self._documents = documents
        self._options = options
        self._visited = {options.url}

    def below(
        self, href: str, document: Mapping[str, Any], after: Trace, depth: int = 0
    ) -> Iterator[tuple[Trace, RawRecord]]:
        """The Items below one document, those after a trace, each with its own trace."""
        if depth > _DEEPEST:
            raise UnreadableAnswer(f"{href}: the catalogue is more than {_DEEPEST} levels deep")
        links, rest = _from(_links(href, document), after)
        for number, (rel, target) in enumerate(links):
            if rel == "item":
                yield (target,), self._record(target)
            else:
                inner = self._below_child(target, rest if number == 0 else (), depth + 1)
                yield from (((target, *trace), record) for trace, record in inner)

    def _below_child(self, href: str, after: Trace, depth: int) -> Iterator[tuple[Trace, RawRecord]]:
        if href in self._visited:
            return
        self._visited.add(href)
        document = self._documents.get_json(href)
        if not isinstance(document, Mapping) or document.get("type", "Catalog") not in ("Catalog", "Collection"):
            raise UnreadableAnswer(f"{href} is linked as a child but is neither a Catalog nor a Collection")
        if self._is_wanted(document):
            yield from self.below(href, document, after, depth)

    def _is_wanted(self, document: Mapping[str, Any]) -> bool:
        wanted = self._options.collections
        return not wanted or document.get("type") != "Collection" or document.get("id") in wanted

    def _record(self, href: str) -> RawRecord:
        # Named by its place, not by its content, so that a document that is broken today keeps its record.
        identity = _place(href, self._options.url)
        try:
            item = self._documents.get_json(href)
        except UnreadableAnswer as error:
            return unreadable_record(str(error), href, identity)
        return document_record(item, identity, href, self._options.preset)


def _links(href: str, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not isinstance(document.get("links"), list):
        raise UnreadableAnswer(f"{href} has no list of links, so it is not an empty catalogue but a wrong one")
    named = (link for link in links_of(document) if isinstance(link.get("href"), str))
    found = [(link.get("rel"), urljoin(href, link["href"])) for link in named]
    walked = [(rel, target) for rel, target in found if rel in ("child", "item")]
    if not walked and any(rel in ("items", "data", "search") for rel, _ in found):
        raise UnreadableAnswer(f"{href} is part of an API and not of a static catalogue; give the root of the API")
    return walked


def _from(links: list[tuple[str, str]], after: Trace) -> tuple[list[tuple[str, str]], Trace]:
    """The links to continue with, and the trace below the first of them; all links if the catalogue has changed."""
    if not after:
        return links, ()
    place = next((number for number, (_, target) in enumerate(links) if target == after[0]), None)
    if place is None:
        return links, ()
    return (links[place:], after[1:]) if len(after) > 1 else (links[place + 1 :], ())


def _place(href: str, root: str) -> str:
    """The address of a document relative to the folder of the root: the same wherever the catalogue lies."""
    return href.removeprefix(root.rpartition("/")[0] + "/")
