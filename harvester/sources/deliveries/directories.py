"""Directories and metadata files on the walk over deliveries."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harvester.errors import UnreadableScene
from harvester.sources.deliveries.documents import Documents
from harvester.sources.deliveries.file_tree import Entry, is_archive_name, is_metadata_name, joined
from harvester.sources.deliveries.fingerprints import Stamps

Position = tuple[str, ...]  #: names from the root; that of an archive on the way ends in "!"


@dataclass(frozen=True)
class Directory:
    """One directory of a tree, with those above it."""

    documents: Documents
    position: Position
    path: str = ""  #: from the root of the tree, which in an archive is not the root of the walk
    above: Directory | None = None
    only: str | None = None
    archives: int = 0  #: number of archives around it

    @cached_property
    def entries(self) -> list[tuple[str, Entry]]:
        """Its entries, each with the last part of its position, in the order of the walk.

        Raises:
            UnreadableScene: It cannot be listed.
            SourceUnavailable: Nothing can be read there.
        """
        found = [entry for entry in self.documents.tree.entries(self.path) if self.only in (None, entry.name)]
        return sorted(((_part(entry), entry) for entry in found), key=lambda pair: (pair[0], pair[1].kind))

    @cached_property
    def belongs_to_product(self) -> bool:
        """Whether this directory, or one above it, has a product that the companions here may belong to."""
        if self.above is not None and self.above.belongs_to_product:
            return True
        return any(self._is_product(entry) for _, entry in self.entries if _is_metadata(entry))

    @cached_property
    def unrecognised(self) -> list[str]:
        """Metadata files here, or else right above, that are not DIMAP: a damaged product may be among them."""
        return self._unrecognised_here() or (self.above._unrecognised_here() if self.above else [])

    def below(self, entry: Entry, part: str) -> Directory:
        """A subdirectory."""
        position = (*self.position, part)
        return Directory(self.documents, position, self.path_of(entry), self, None, self.archives)

    def path_of(self, entry: Entry) -> str:
        """The path of an entry from the root of the tree."""
        return joined(self.path, entry.name)

    def _is_product(self, entry: Entry) -> bool:
        """Whether a file is a product with images; one without (an old RPC) has no companions."""
        try:
            metadata = self.documents.metadata(self.path_of(entry), entry)
        except UnreadableScene:
            return False
        return bool(metadata.links.images) if metadata.links else metadata.classification.kind == "product"

    def _unrecognised_here(self) -> list[str]:
        entries = (entry for _, entry in self.entries if _is_metadata(entry))
        return [text_of((*self.position, entry.name)) for entry in entries if not self._is_recognised(entry)]

    def _is_recognised(self, entry: Entry) -> bool:
        try:
            return self.documents.metadata(self.path_of(entry), entry).classification.kind != "not-dimap"
        except UnreadableScene:
            return False


@dataclass(frozen=True)
class Document:
    """A metadata file that the walk has met."""

    directory: Directory
    entry: Entry
    position: Position
    id: str

    @property
    def path(self) -> str:
        """From the root of its tree."""
        return self.directory.path_of(self.entry)

    def stamps(self, hrefs: Sequence[str]) -> Stamps | None:
        """The stamps of this document, as listed before it was read, and of the files that it names, as they are now.

        Raises:
            UnreadableScene: One of them cannot be looked at.
            SourceUnavailable: Nothing can be read there.
        """
        return Stamps.at(self.directory.documents.tree, self.path, self.entry.stamp, hrefs)

    def is_same(self, stamps: Stamps) -> bool:
        """Whether this document and the files that it names are unchanged.

        Raises:
            UnreadableScene: One of them cannot be looked at.
            SourceUnavailable: Nothing can be read there.
        """
        return self.stamps(stamps.hrefs) == stamps


def text_of(position: Position) -> str:
    """A position as readable text, in which bytes that are no text are escaped."""
    return os.fsencode("/".join(position)).decode("utf-8", "backslashreplace")


def _part(entry: Entry) -> str:
    return f"{entry.name}!" if entry.kind == "file" and is_archive_name(entry.name) else entry.name


def _is_metadata(entry: Entry) -> bool:
    return entry.kind == "file" and is_metadata_name(entry.name)
