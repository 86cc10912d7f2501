"""A tree of files as the walk sees it, whether it is a directory, a server or an archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

#: "link": leads to what is walked at its own place. "refused": nothing may be read through it.
Kind = Literal["file", "directory", "link", "refused"]

METADATA_SUFFIXES = (".xml", ".dim")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
#: FTP and SFTP give whole seconds, FAT every second one.
_COARSEST_CLOCK_NS = 2 * 10**9


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name in a directory."""

    name: str
    kind: Kind
    size: int = 0  #: bytes, of a file
    stamp: str | None = None  #: of a file: differs after any change; None where that is not certain
    reason: str = ""  #: why a "refused" entry is refused


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of the machine's resources a delivery may take."""

    document_bytes: int = 64 * 2**20  #: of one metadata file or mask
    cloud_mask_bytes: int = 8 * 2**20  #: stored with each record; genuine ones reach 0.1 MB
    nested_archive_bytes: int = 4 * 2**30  #: of an archive inside an archive, which is copied to a temporary file
    members: int = 200_000  #: files in one archive
    ratio: int = 200  #: uncompressed to compressed size; no genuine metadata or image comes near it
    ratio_from_bytes: int = 2**20  #: the ratio of smaller metadata files is not checked
    archive_ratio_from_bytes: int = 2**30  #: nor that of smaller compressed archives
    depth: int = 48  #: directories below the location


class Tree(Protocol):
    """Files below one root. Paths are relative to it, "/" separated; the root itself is the empty path.

    Every method raises UnreadableScene when only this path cannot be read, SourceUnavailable when nothing can.
    """

    def entries(self, path: str) -> list[Entry]:
        """The entries of a directory, in any order."""

    def file(self, path: str) -> Entry | None:
        """The regular file at a path; None where there is certainly none, or it lies outside the tree."""

    def read(self, path: str, limit_bytes: int) -> bytes:
        """The beginning of a file, at most so many bytes."""

    def open(self, path: str) -> BinaryIO:
        """A file, seekable."""

    def local_path(self, path: str) -> Path | None:
        """The path of the file on this machine; None when it is not a plain file here."""

    def close(self) -> None:
        """Close connections and open files."""


def stamp_of(size: int, changed_at_ns: int, seen_at_ns: int) -> str | None:
    """The stamp of a file from its size and modification time.

    A file that changed as it was seen, or by a clock that is ahead, could change again without a new modification time
    (as in a git index): it has no stamp, and so is read the next time too.

    Args:
        size: in bytes.
        changed_at_ns: modification time, nanoseconds since 1970.
        seen_at_ns: a time before the file was listed, by the clock of this machine.
    """
    return f"{size}-{changed_at_ns}" if changed_at_ns < seen_at_ns - _COARSEST_CLOCK_NS else None


def is_metadata_name(name: str) -> bool:
    """Whether a file may hold DIMAP metadata; names decide nothing else."""
    return name.lower().endswith(METADATA_SUFFIXES)


def is_archive_name(name: str) -> bool:
    """Whether a file is read as an archive of deliveries."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def parent_of(path: str) -> str:
    """The parent directory of a path within its tree."""
    return path.rpartition("/")[0]


def joined(*parts: str) -> str:
    """A path within a tree, joined from parts of which any may be empty."""
    return "/".join(part for part in parts if part)
