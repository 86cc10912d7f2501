"""Deliveries in a directory of this machine; symbolic links never lead out of it."""

from __future__ import annotations

import errno
import os
import stat
import time
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from harvester.errors import UnreadableScene
from harvester.sources.deliveries.file_tree import Entry, is_metadata_name, stamp_of
from harvester.sources.deliveries.symbolic_links import entry_of_link

#: Errors which mean that there is no such file; any other error leaves that open.
_ERRORS_OF_ABSENCE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


class LocalTree:
    """The files below one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._opened_at_ns = time.time_ns()
        # Many files of one directory are asked for, and resolving it costs as much as reading a small file.
        self._real_directory = lru_cache(maxsize=256)(os.path.realpath)

    def entries(self, path: str) -> list[Entry]:
        """The entries of a directory; links are judged by their real targets."""
        directory = self._root / path
        try:
            with os.scandir(directory) as found:
                items = list(found)
        except OSError as error:
            raise UnreadableScene(f"the directory cannot be listed: {error.strerror}") from error
        return [self._entry(item) for item in items]

    def file(self, path: str) -> Entry | None:
        """A regular file, or a link to one in the tree."""
        directory, _, name = path.rpartition("/")
        real = os.path.join(self._real_directory(os.path.join(self._real_root, directory)), name)  # noqa: PTH118 -- fast
        try:
            status = os.lstat(real)
            if stat.S_ISLNK(status.st_mode):
                real = os.path.realpath(real)
                status = os.lstat(real)
        except ValueError:
            return None
        except OSError as error:
            if error.errno in _ERRORS_OF_ABSENCE:
                return None
            raise UnreadableScene(f"{path} cannot be looked at: {error.strerror}") from error
        return self._file(path, status) if stat.S_ISREG(status.st_mode) and self._is_inside(real) else None

    def read(self, path: str, limit_bytes: int) -> bytes:
        """The beginning of a file."""
        try:
            with (self._root / path).open("rb") as file:
                return file.read(limit_bytes)
        except OSError as error:
            raise UnreadableScene(f"the file cannot be read: {error.strerror}") from error

    def open(self, path: str) -> BinaryIO:
        """The file itself."""
        try:
            return (self._root / path).open("rb")
        except OSError as error:
            raise UnreadableScene(f"the file cannot be opened: {error.strerror}") from error

    def local_path(self, path: str) -> Path | None:
        """The file itself."""
        return self._root / path

    def close(self) -> None:
        """Nothing is held open."""

    def _is_inside(self, real: str) -> bool:
        return os.path.commonpath((real, self._real_root)) == self._real_root

    def _entry(self, item: os.DirEntry[str]) -> Entry:
        if item.is_symlink():
            return self._link(item)
        if item.is_dir(follow_symlinks=False):
            return Entry(name=item.name, kind="directory")
        if not item.is_file(follow_symlinks=False):
            return _special(item.name)
        try:
            return self._file(item.name, item.stat(follow_symlinks=False))
        except OSError as error:
            return Entry(name=item.name, kind="refused", reason=f"the file cannot be read: {error.strerror}")

    def _file(self, path: str, status: os.stat_result) -> Entry:
        stamp = stamp_of(status.st_size, status.st_mtime_ns, self._opened_at_ns)
        return Entry(name=path.rpartition("/")[2], kind="file", size=status.st_size, stamp=stamp)

    def _link(self, item: os.DirEntry[str]) -> Entry:
        real = os.path.realpath(item.path)
        try:
            status = Path(real).stat()
        except OSError:
            return entry_of_link(item.name, None, self._real_root, os.path.realpath(Path(item.path).parent))
        if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            return _special(item.name)
        file = None if stat.S_ISDIR(status.st_mode) else self._file(item.name, status)
        return entry_of_link(item.name, (real, file), self._real_root, os.path.realpath(Path(item.path).parent))


def _special(name: str) -> Entry:
    """A pipe, socket or device: not even opened, as that could block for ever."""
    if is_metadata_name(name):
        return Entry(name=name, kind="refused", reason="not a regular file (a pipe, a socket or a device)")
    return Entry(name=name, kind="link")
