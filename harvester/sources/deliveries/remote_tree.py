"""Deliveries on a server or in an object store, through fsspec."""

from __future__ import annotations

import errno
import ftplib
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.implementations.ftp import FTPFileSystem

from harvester.errors import HarvestError, SourceUnavailable, UnreadableScene
from harvester.sources.deliveries.file_tree import Entry, joined, parent_of, stamp_of
from harvester.sources.deliveries.ssh_files import KnownHostsFileSystem, real_path
from harvester.sources.deliveries.symbolic_links import entry_of_link

#: Errors of one path; after any other the connection itself is suspect.
_PATH_FAULTS = (
    FileNotFoundError,
    PermissionError,
    NotADirectoryError,
    IsADirectoryError,
    UnicodeError,
    ftplib.error_perm,
)
#: Enough for some hundred deliveries, which are walked together.
_KEPT_LISTINGS = 4096
_FTP_TIME = re.compile(r"\d{14}(\.\d+)?", re.ASCII)
_BUFFER_BYTES = 2**18
_EMPTY_NAME = "the objects below it have an empty name in their keys (//); rename them"


class RemoteTree:
    """The files below one path of an fsspec file system."""

    def __init__(self, files: AbstractFileSystem, base: str, url: str) -> None:
        """Take over an open file system.

        Args:
            files: connected; closed with the tree.
            base: path of the root in that file system.
            url: of the root without credentials, for messages.
        """
        self._files = files
        self._base = base.rstrip("/")
        self._url = url
        self._opened_at_ns = time.time_ns()
        self._listings: dict[str, dict[str, Entry]] = {}

    def entries(self, path: str) -> list[Entry]:
        """What a directory holds."""
        return list(self._listing(path).values())

    def file(self, path: str) -> Entry | None:
        """A file from the listing of its directory: no request for a single file."""
        entry = self._listing(parent_of(path)).get(path.rpartition("/")[2]) if self._has_parent(path) else None
        return entry if entry and entry.kind == "file" else None

    def read(self, path: str, limit_bytes: int) -> bytes:
        """The beginning of a file, in one request if it is known to be short."""
        entry = self.file(path)
        whole = entry is not None and entry.size <= limit_bytes
        with self._faults("the file cannot be read"):
            content = self._files.cat_file(self._full(path), None, None) if whole else self._head(path, limit_bytes)
        return cast("bytes", content)[:limit_bytes]

    def open(self, path: str) -> BinaryIO:
        """A file whose parts are fetched as they are read."""
        with self._faults("the file cannot be opened"):
            file = self._files.open(self._full(path), "rb")
        entry = self.file(path)
        remote = _RemoteFile(file, entry.size if entry else 0, lambda: self._faults("the file cannot be read"))
        return io.BufferedReader(remote, _BUFFER_BYTES)

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 -- the signature of Tree
        """None: the files are elsewhere."""
        return None

    def close(self) -> None:
        """Close the connection."""
        close_files(self._files)

    def _head(self, path: str, limit_bytes: int) -> bytes:
        with self._files.open(self._full(path), "rb") as file:
            return cast("bytes", file.read(limit_bytes))

    def _has_parent(self, path: str) -> bool:
        """Whether the directory of a path is in the listing above it; if not, it need not be listed itself."""
        parent = parent_of(path)
        return parent in self._listings or not parent or self._is_listed(parent)

    def _is_listed(self, directory: str) -> bool:
        return self._has_parent(directory) and directory.rpartition("/")[2] in self._listing(parent_of(directory))

    def _full(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base or "/"

    def _listing(self, path: str) -> dict[str, Entry]:
        if path not in self._listings:
            if len(self._listings) >= _KEPT_LISTINGS:
                del self._listings[next(iter(self._listings))]
            with self._faults("the directory cannot be listed"):
                found = self._list(self._full(path))
                entries = (self._entry(path, details) for details in found)
                self._listings[path] = {entry.name: entry for entry in entries}
        return self._listings[path]

    def _list(self, full: str) -> list[dict[str, Any]]:
        found = cast("list[dict[str, Any]]", self._files.ls(full, detail=True))
        if isinstance(self._files, FTPFileSystem) and full.rstrip("/") not in {
            key.rstrip("/") for key in self._files.dircache
        }:
            # fsspec gives an empty list for a directory that the server refuses to list.
            raise PermissionError(full)
        self._files.invalidate_cache(full)
        # An object store lists the marker of a directory as a file in it, and keys with "//" as a directory in it.
        own = full.strip("/")
        return [each for each in found if each["name"].rstrip("/") != own or _has_no_name(each)]

    def _entry(self, path: str, details: dict[str, Any]) -> Entry:
        name = details["name"].rstrip("/").rpartition("/")[2]
        if _has_no_name(details):
            return Entry(name="/", kind="refused", reason=_EMPTY_NAME)
        if name in {"", ".", ".."}:
            return Entry(name=details["name"], kind="refused", reason="its name is not that of a file; rename it")
        if details["type"] in {"file", "directory"}:
            return self._present(name, details)
        if isinstance(self._files, KnownHostsFileSystem):
            return self._link(path, name)
        return Entry(name=name, kind="refused", reason="a symbolic link is not followed; harvest its target itself")

    def _present(self, name: str, details: dict[str, Any]) -> Entry:
        if details["type"] == "directory":
            return Entry(name=name, kind="directory")
        size = int(details.get("size") or 0)
        return Entry(name=name, kind="file", size=size, stamp=self._stamp(size, details))

    def _stamp(self, size: int, details: dict[str, Any]) -> str | None:
        if etag := details.get("ETag"):
            return f"{size}-{etag}"
        changed_at = details.get("mtime") or _ftp_time(details.get("modify", ""))
        if changed_at is None:
            return None
        return stamp_of(size, int(changed_at.timestamp()) * 10**9, self._opened_at_ns)

    def _link(self, path: str, name: str) -> Entry:
        full = self._full(joined(path, name))
        directory = real_path(self._files, self._full(path))
        try:
            details = self._files.info(full)
            file = None if details["type"] == "directory" else self._present(name, details)
            target = (real_path(self._files, full), file)
        except FileNotFoundError:
            return entry_of_link(name, None, "", directory)
        return entry_of_link(name, target, real_path(self._files, self._base or "/"), directory)

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except HarvestError:
            raise
        except _PATH_FAULTS as error:
            raise UnreadableScene(f"{what}: {type(error).__name__}; check that it is there and readable") from error
        # Each protocol's library has an exception tree of its own, without a common root.
        except Exception as error:
            raise SourceUnavailable(
                f"{self._url}: {type(error).__name__}. Check the network and the server, then harvest again."
            ) from error


def _has_no_name(details: Mapping[str, Any]) -> bool:
    """Whether this is the directory with the empty name in which an object store has the keys with "//"."""
    return details["type"] == "directory" and bool(details["name"].endswith("/"))


def _ftp_time(text: str) -> datetime | None:
    """The modification time from an FTP server that gives it exactly (MLSD, RFC 3659), not in minutes or days.

    None also where it is no time: some servers write zeros.
    """
    if not _FTP_TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


class _RemoteFile(io.RawIOBase):
    """A file on a server, with a position of its own; errors of the connection are told from those of the file.

    paramiko accepts a position before the beginning, and fails later.
    """

    def __init__(self, file: BinaryIO, size: int, faults: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._file = file
        self._size = size
        self._faults = faults
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position.

        Raises:
            OSError: When it lies before the beginning.
        """
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "the file is shorter than its format needs")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fetch the next bytes."""
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        with self._faults():
            self._file.seek(self._position)
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        """Close the file on the server; a lost connection has closed it already."""
        if not self.closed:
            with suppress(HarvestError), self._faults():
                self._file.close()
        super().close()


def close_files(files: AbstractFileSystem) -> None:
    """Close the connection of a file system, which fsspec would leave to the garbage collector."""
    if isinstance(files, FTPFileSystem):
        files.ftp.close()
    elif isinstance(files, KnownHostsFileSystem):
        files.close()
    elif hasattr(files, "close_session"):
        files.close_session(files.loop, files.s3)
