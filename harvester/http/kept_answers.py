"""Answers of services, kept on disk so that a service without news can answer "not modified"."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from hishel import Entry, Headers, Request, Response, SqliteStorage

from harvester.credentials import is_secret_name

logger = logging.getLogger(__name__)

#: The library refuses a file with another table layout than its own; the number is that of the layout.
_FILE = "answers-2.sqlite"
_MOST_BYTES = 512 * 1024 * 1024
_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
#: Answers that no run has asked for during this time are deleted.
_KEPT_UNUSED = timedelta(days=60)
_COOKIES = ("cookie", "set-cookie")


class KeptAnswers(SqliteStorage):
    """The answers of all services in one file, shared by any number of processes; the least recently used go first.

    Only answers with an ETag or a Last-Modified time are kept, and nothing that gives access: no cookie, and no address
    that holds a key. A session with credentials must not keep answers at all.
    """

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        super().__init__(
            database_path=folder / _FILE,
            default_tti=_KEPT_UNUSED.total_seconds(),
            max_stream_size=_LARGEST_ANSWER_BYTES,
            max_size=most_bytes,
        )

    def create_entry(self, request: Request, response: Response, key: str, **limits: Any) -> Entry:
        """The answer, passed on to the caller; it is stored if it may be kept."""
        is_to_be_kept = "no-store" not in request.headers.get("cache-control", "")
        if not is_to_be_kept or not _tells_its_version(response.headers) or _holds_secret(request.url):
            return Entry(uuid4(), request, response)
        bare = replace(request, headers=_without_cookies(request.headers))
        kept = replace(response, headers=_without_cookies(response.headers))
        entry = super().create_entry(bare, kept, key, **limits)
        return replace(entry, response=replace(entry.response, headers=response.headers))

    def update_headers(self, id: UUID, headers: Headers) -> None:  # noqa: A002  # the library's name
        """Update the headers of an answer with those of a "not modified"."""
        super().update_headers(id, _without_cookies(headers))


def kept_answers(folder: Path | None) -> KeptAnswers | None:
    """The answers in a folder, which is created for this account alone; None where that is impossible."""
    if folder is None:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _FILE).open("ab").close()
    except OSError as error:
        logger.warning("answers of services are not kept: %s: %s; set DINAMIS_CACHE", folder, error.strerror)
        return None
    return KeptAnswers(folder)


def _tells_its_version(headers: Headers) -> bool:
    """Whether an answer can be told from a later version of itself.

    Last-Modified has whole seconds: it does not suffice for an answer changed within the last one (RFC 9110 §8.8.2.2).
    """
    if "etag" in headers:
        return True
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(headers["last-modified"])
    except (KeyError, ValueError, OverflowError, TypeError):  # one is missing or is no date, or only one has a zone
        return False
    return age > timedelta(seconds=1)


def _holds_secret(url: str) -> bool:
    return any(map(is_secret_name, httpx.URL(url).params))


def _without_cookies(headers: Headers) -> Headers:
    return Headers({name: headers.get_list(name) or [] for name in headers if name not in _COOKIES})
