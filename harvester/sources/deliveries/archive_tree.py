"""Deliveries inside zip and tar archives, read in place: nothing is ever written to a path named by a member."""

from __future__ import annotations

import gzip
import lzma
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

from harvester.errors import UnreadableScene
from harvester.sources.deliveries.file_tree import Entry, Kind, Limits, is_metadata_name, joined, parent_of

_ARCHIVE_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # zipfile: encrypted, or a compression that is not supported
    ValueError,  # names that are not in their declared encoding
)
_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST_NAME = 4096
_PIECE_BYTES = 2**20


class MemberTree(ABC):
    """The members of one archive as a tree; each has the archive's stamp, as none changes without it."""

    def __init__(self, file: BinaryIO, archive: Entry, limits: Limits) -> None:
        self._file = file
        self._stamp = archive.stamp
        self._limits = limits
        self._directories: dict[str, dict[str, Entry]] = {"": {}}
        self._names: dict[str, str] = {}

    def entries(self, path: str) -> list[Entry]:
        """The entries of a directory of the archive; refused members are listed at its top, by their whole name."""
        return list(self._directories[path].values())

    def file(self, path: str) -> Entry | None:
        """A member; its size is the uncompressed one."""
        entry = self._directories.get(parent_of(path), {}).get(path.rpartition("/")[2])
        return entry if entry and entry.kind == "file" else None

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 -- the signature of Tree
        """None: a member is no file of its own."""
        return None

    def read(self, path: str, limit_bytes: int) -> bytes:
        """The beginning of a member."""
        with _archive_faults("the archive member"), self._stream(self._names[path]) as member:
            return member.read(limit_bytes)

    def open(self, path: str) -> BinaryIO:
        """A copy of a member in a temporary file, for an archive inside the archive."""
        entry = self.file(path)
        size = entry.size if entry else 0
        if size > self._limits.nested_archive_bytes:
            raise UnreadableScene(f"the inner archive has {size} bytes, more than the limit; unpack it beside")
        copy = tempfile.TemporaryFile()  # noqa: SIM115 -- the tree of the inner archive closes it
        try:
            with _archive_faults("the inner archive"), self._stream(self._names[path]) as member:
                _copy(member, copy, size)
            copy.seek(0)
        except UnreadableScene:
            copy.close()
            raise
        return cast("BinaryIO", copy)

    def close(self) -> None:
        """Close the archive."""
        self._file.close()

    @abstractmethod
    def _stream(self, name: str) -> IO[bytes]:
        """A member as a stream, by its name in the archive."""

    def _check_count(self, members: int) -> None:
        if members > self._limits.members:
            raise UnreadableScene(f"the archive has more than {self._limits.members} members; deliver it in parts")

    def _add(self, name: str, kind: Kind, size: int, reason: str = "") -> None:
        danger = unsafe_name_reason(name)
        if danger:
            self._refuse(name, danger)
            return
        path = joined(*(part for part in name.split("/") if part != "."))
        if kind == "directory":
            self._add_directories(path)
            return
        directory, last = parent_of(path), path.rpartition("/")[2]
        self._add_directories(directory)
        if path in self._directories:
            self._refuse(name, "a directory of the archive has the same name")
            return
        self._directories[directory][last] = Entry(name=last, kind=kind, size=size, stamp=self._stamp, reason=reason)
        self._names[path] = name

    def _add_directories(self, path: str) -> None:
        if path in self._directories:
            return
        above = ""
        for part in path.split("/"):
            before = self._directories[above].get(part)
            if before and before.kind != "directory":
                self._refuse(joined(above, part), "a directory of the archive has the same name")
            self._directories[above][part] = Entry(name=part, kind="directory")
            above = joined(above, part)
            self._directories.setdefault(above, {})

    def _refuse(self, name: str, reason: str) -> None:
        shown = f"the member is not read: {reason}"
        self._directories[""][f"/{name}"] = Entry(name=name, kind="refused", reason=shown)


class ZipTree(MemberTree):
    """The members of a zip."""

    def __init__(self, file: BinaryIO, archive: Entry, limits: Limits) -> None:
        super().__init__(file, archive, limits)
        with _archive_faults("the zip"):
            self._zip = zipfile.ZipFile(file)
        members = self._zip.infolist()
        self._check_count(len(members))
        for member in members:
            kind, reason = self._kind(member)
            self._add(member.filename, kind, member.file_size, reason)

    def _kind(self, member: zipfile.ZipInfo) -> tuple[Kind, str]:
        if member.is_dir():
            return "directory", ""
        if stat.S_ISLNK(member.external_attr >> 16):
            return "refused", "a symbolic link in an archive is not followed"
        return _inflated_kind(member, self._limits)

    def _stream(self, name: str) -> IO[bytes]:
        return self._zip.open(name)


class TarTree(MemberTree):
    """The members of a tar, plain or gzipped.

    A gzip stream has no random access, so the metadata of a gzipped tar is kept during the one pass through it.
    """

    def __init__(self, file: BinaryIO, archive: Entry, limits: Limits) -> None:
        """Read the names of all members."""
        super().__init__(file, archive, limits)
        packed_bytes = None if archive.name.lower().endswith(".tar") else archive.size
        self._kept = tempfile.SpooledTemporaryFile(max_size=32 * 2**20)  # noqa: SIM115 -- closed with the tree
        self._places: dict[str, tuple[int, int]] = {}
        stream = file if packed_bytes is None else gzip.GzipFile(fileobj=file)
        try:
            with _archive_faults("the tar"):
                self._tar = tarfile.open(fileobj=_SmallReads(stream), mode="r:")  # type: ignore[call-overload]  # noqa: SIM115
                self._take_members(packed_bytes)
        except UnreadableScene:
            self._kept.close()
            raise

    def close(self) -> None:
        """Close the archive, and drop what was kept of it."""
        self._kept.close()
        super().close()

    def _take_members(self, packed_bytes: int | None) -> None:
        for count, member in enumerate(self._tar, start=1):
            self._check_count(count)
            if packed_bytes is not None:
                self._check_ratio(member, packed_bytes)
                self._keep(member)
            kind, reason = _tar_kind(member)
            self._add(member.name, kind, member.size, reason)

    def _check_ratio(self, member: tarfile.TarInfo, packed_bytes: int) -> None:
        # Checked before seeking the next header, which would decompress this member.
        unpacked = member.offset_data + member.size
        if unpacked > max(self._limits.archive_ratio_from_bytes, self._limits.ratio * packed_bytes):
            raise UnreadableScene(
                f"the tar unpacks to more than {self._limits.ratio} times its size; it is taken for an archive bomb"
            )

    def _keep(self, member: tarfile.TarInfo) -> None:
        wanted = is_metadata_name(member.name) or member.name.lower().endswith(".gml")
        if not (wanted and member.isreg() and member.size <= self._limits.document_bytes):
            return
        with cast("IO[bytes]", self._tar.extractfile(member)) as content:
            self._places[member.name] = (self._kept.tell(), member.size)
            _copy(content, cast("BinaryIO", self._kept), member.size)

    def _stream(self, name: str) -> IO[bytes]:
        if name not in self._places:
            return cast("IO[bytes]", self._tar.extractfile(name))
        start, size = self._places[name]
        self._kept.seek(start)
        return BytesIO(self._kept.read(size))


class _SmallReads:
    """A stream that reads no more at once than a tar header can need: a forged extended header asks for gigabytes."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile) -> None:
        self._stream = stream
        self.seek = stream.seek
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            tarfile.ReadError: When more is asked for than in any genuine archive.
        """
        if not 0 <= size <= 64 * _PIECE_BYTES:
            raise tarfile.ReadError("a header that is larger than any genuine one")
        return self._stream.read(size)


def open_archive(file: BinaryIO, archive: Entry, limits: Limits) -> MemberTree:
    """The members of an archive; the tree closes the file.

    Args:
        file: the archive, seekable.
        archive: its entry; the name gives the format.
        limits: how much of it is read at most.

    Raises:
        UnreadableScene: When it is not an archive of that format, or exceeds the limits.
    """
    try:
        tree = ZipTree if archive.name.lower().endswith(".zip") else TarTree
        return tree(file, archive, limits)
    except UnreadableScene:
        file.close()
        raise


def unsafe_name_reason(name: str) -> str | None:
    """Why a member's name is dangerous, or None: only plain relative names are read."""
    if name.startswith("/"):
        return "its name is an absolute path"
    if _DRIVE.match(name):
        return "its name begins with a drive"
    if "\\" in name:
        return "its name has backslashes"
    if ".." in name.split("/"):
        return "its name leaves the archive (..)"
    return "its name is too long" if len(name) > _LONGEST_NAME else None


def _inflated_kind(member: zipfile.ZipInfo, limits: Limits) -> tuple[Kind, str]:
    """Only the ratio of metadata matters, as only metadata is ever unpacked: an all-black image may reach 1000 : 1."""
    too_dense = member.file_size > limits.ratio * max(member.compress_size, 1)
    if too_dense and is_metadata_name(member.filename) and member.file_size > limits.ratio_from_bytes:
        return "refused", f"the member unpacks to more than {limits.ratio} times its size; it is taken for a bomb"
    return "file", ""


def _tar_kind(member: tarfile.TarInfo) -> tuple[Kind, str]:
    if member.isdir():
        return "directory", ""
    if member.isreg():
        return "file", ""
    if member.issym() or member.islnk():
        return "refused", "a link in an archive is not followed; deliver the file itself"
    return "refused", "the member is not a regular file"


def _copy(source: IO[bytes], target: BinaryIO, size: int) -> None:
    left = size
    while left > 0 and (piece := source.read(min(left, _PIECE_BYTES))):
        target.write(piece)
        left -= len(piece)


@contextmanager
def _archive_faults(what: str) -> Iterator[None]:
    try:
        yield
    except _ARCHIVE_FAULTS as error:
        raise UnreadableScene(f"{what} cannot be read: {error or type(error).__name__}; deliver it again") from error
