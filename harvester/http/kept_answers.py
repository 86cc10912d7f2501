"""Answers of services, kept on disk so that a service that has nothing new may say so and send nothing."""

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

#: Where the library lays its tables out anew, it refuses the old file: the number is that of its layout.
_FILE = "answers-2.sqlite"
_MOST_BYTES = 512 * 1024 * 1024
_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
#: What no run has asked for during this time is forgotten.
_KEPT_UNUSED = timedelta(days=60)
_COOKIES = ("cookie", "set-cookie")


class KeptAnswers(SqliteStorage):
    """The answers of all services in one file, which any number of processes may share; those longest unused go first.

    Only what can be asked for again by its ETag or its time of change is kept, and nothing that lets anybody in: no
    cookie, and no address that holds a key. Who asks with credentials must not keep answers at all.
    """

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        super().__init__(
            database_path=folder / _FILE,
            default_tti=_KEPT_UNUSED.total_seconds(),
            max_stream_size=_LARGEST_ANSWER_BYTES,
            max_size=most_bytes,
        )

    def create_entry(self, request: Request, response: Response, key: str, **limits: Any) -> Entry:
        """The answer as it goes on to who asked; on its way it is kept, if it is one to be kept."""
        is_to_be_kept = "no-store" not in request.headers.get("cache-control", "")
        if not is_to_be_kept or not _tells_its_version(response.headers) or _holds_secret(request.url):
            return Entry(uuid4(), request, response)
        bare = replace(request, headers=_without_cookies(request.headers))
        kept = replace(response, headers=_without_cookies(response.headers))
        entry = super().create_entry(bare, kept, key, **limits)
        return replace(entry, response=replace(entry.response, headers=response.headers))

    def update_headers(self, id: UUID, headers: Headers) -> None:  # noqa: A002  # the library's name
        """Keep what "not modified" said anew of an answer."""
        super().update_headers(id, _without_cookies(headers))


def kept_answers(folder: Path | None) -> KeptAnswers | None:
    """The answers in a folder, which is made for this account alone; None where there cannot be any."""
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
    """Whether an answer can be told from what is there later.

    A time of change tells whole seconds, so that of an answer changed within the last one does not (RFC 9110 §8.8.2.2).
    """
    if "etag" in headers:
        return True
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(headers["last-modified"])
    except (KeyError, ValueError, OverflowError, TypeError):  # one is missing or no date, or only one has a zone
        return False
    return age > timedelta(seconds=1)


def _holds_secret(url: str) -> bool:
    return any(map(is_secret_name, httpx.URL(url).params))


def _without_cookies(headers: Headers) -> Headers:
    return Headers({name: headers.get_list(name) or [] for name in headers if name not in _COOKIES})
