"""Walking a tree of files for deliveries, in an order that can be taken up again anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from logging import getLogger
from typing import Any

from harvester.dimap import Classification, classify, linked_paths
from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.record import RawRecord
from harvester.sources.archive_tree import open_archive
from harvester.sources.delivery_content import damaged_components, missing_components, product_content, refused_content
from harvester.sources.file_tree import Entry, Limits, Tree, is_archive_name, is_metadata_name, joined
from harvester.sources.location import OpenLocation, quoted

logger = getLogger(__name__)

#: Read at once; larger files only when their beginning looks like metadata of a satellite.
_HEAD_BYTES = 2**20
_SIGNS = (b"dimap", b"rapideye")

Position = tuple[str, ...]  #: names from the root; an archive that is entered ends in "!"


@dataclass
class WalkCount:
    """What a walk has seen so far, so that nothing is passed over in silence."""

    directories: int = 0
    archives: int = 0
    products: int = 0  #: metadata files of products; each is a record
    refused: int = 0  #: records that say only why something cannot be read
    companions: int = 0  #: DIMAP documents that belong to a product: RPC, lineage, volume…
    not_dimap: int = 0  #: other XML files
    links: int = 0  #: symbolic links to what is walked at its own place, pipes and devices
    other_files: int = 0  #: images, masks, previews, and all that is no metadata

    def passed_over(self) -> dict[str, int]:
        """What was seen and is no record: kind to number, without the kinds that were not met."""
        kinds = {
            "DIMAP documents that belong to a product": self.companions,
            "XML files that are not DIMAP": self.not_dimap,
            "links and special files": self.links,
            "other files": self.other_files,
        }
        return {kind: number for kind, number in kinds.items() if number}


@dataclass(frozen=True)
class Found:
    """A record and where the walk met it."""

    position: Position
    record: RawRecord


@dataclass(frozen=True)
class Directory:
    """One directory of a tree, knowing those above it."""

    tree: Tree
    limits: Limits
    position: Position
    path: str = ""  #: from the root of the tree, which for an archive is not the root of the walk
    above: Directory | None = None
    only: str | None = None
    archives: int = 0  #: how many archives were entered to come here

    @cached_property
    def entries(self) -> list[tuple[str, Entry]]:
        """What it holds with the last part of the position of each, in the order of the walk."""
        found = [entry for entry in self.tree.entries(self.path) if self.only in (None, entry.name)]
        return sorted(((_part(entry), entry) for entry in found), key=lambda pair: (pair[0], pair[1].kind))

    @cached_property
    def belongs_to_product(self) -> bool:
        """Whether this directory, or one above it, has a product, so that companions here are accounted for."""
        if self.above is not None and self.above.belongs_to_product:
            return True
        return any(self._is_product(entry) for _, entry in self.entries if _is_metadata(entry))

    @cached_property
    def unrecognised(self) -> list[str]:
        """Metadata files here, or else right above, that are no DIMAP: among them may be a product that is damaged."""
        return self._unrecognised_here() or (self.above._unrecognised_here() if self.above else [])

    def below(self, entry: Entry, part: str) -> Directory:
        """A directory of this one."""
        path = joined(self.path, entry.name)
        return Directory(self.tree, self.limits, (*self.position, part), path, self, None, self.archives)

    def document(self, entry: Entry) -> tuple[bytes, Classification]:
        """The content of a metadata file and what it is; of one that is no metadata only the beginning.

        Raises:
            UnreadableScene: When it is empty, too large or cannot be read.
        """
        if entry.size == 0:
            raise UnreadableScene("the file is empty (0 bytes); deliver it again")
        path = joined(self.path, entry.name)
        data = self.tree.read(path, min(_HEAD_BYTES, self.limits.document_bytes + 1))
        if not _may_be_metadata(data):
            return data, Classification("not-dimap")
        if max(entry.size, len(data)) > self.limits.document_bytes:
            raise UnreadableScene(f"the file is larger than {self.limits.document_bytes} bytes; no metadata is")
        if entry.size > len(data):
            data = self.tree.read(path, self.limits.document_bytes)
        return data, classify(data, joined(*self.position, entry.name))

    def _is_product(self, entry: Entry) -> bool:
        """Whether a file is a product with images; one that names none (an old RPC) accounts for no other file."""
        try:
            data, classification = self.document(entry)
        except UnreadableScene:
            return False
        if classification.kind == "not-dimap":
            return False
        try:
            return bool(linked_paths(data, entry.name).images)
        except UnreadableScene:
            return classification.kind == "product"

    def _unrecognised_here(self) -> list[str]:
        entries = (entry for _, entry in self.entries if _is_metadata(entry))
        return [_text((*self.position, entry.name)) for entry in entries if not self._is_recognised(entry)]

    def _is_recognised(self, entry: Entry) -> bool:
        try:
            return self.document(entry)[1].kind != "not-dimap"
        except UnreadableScene:
            return False


@dataclass
class Walk:
    """One passage over a location, depth first, names sorted."""

    location: OpenLocation
    limits: Limits
    count: WalkCount
    after: Position = ()  #: everything up to and with this position is left out
    on_progress: Callable[[WalkCount], None] | None = None

    def records(self) -> Iterator[Found]:
        """Every product, and every thing that should have been one, once.

        Raises:
            SourceUnavailable: When the location cannot be read, or is a file that is no product and no archive.
        """
        root = Directory(self.location.tree, self.limits, (), only=self.location.only)
        for found in self._directory(root):
            if found.position > self.after:
                yield found

    def _directory(self, directory: Directory) -> Iterator[Found]:
        try:
            entries = directory.entries
        except UnreadableScene as error:
            if not directory.position:
                raise SourceUnavailable(f"{self.location.url}: {error}. Harvest again.") from error
            yield self._refused(directory.position, str(error))
            return
        self.count.directories += 1
        for part, entry in entries:
            position = (*directory.position, part)
            if not self._is_behind(position, entry):
                yield from self._entry(directory, entry, position)
        self._report()

    def _is_behind(self, position: Position, entry: Entry) -> bool:
        """Whether the walk that is taken up again has already been here, and below here."""
        if entry.kind == "directory" or position[-1].endswith("!"):
            return position < self.after[: len(position)]
        return position <= self.after

    def _entry(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Found]:
        if entry.kind == "link":
            self.count.links += 1
        elif entry.kind == "refused":
            yield self._refused(position, entry.reason)
        elif entry.kind == "directory" or _is_read(entry):
            yield from self._named(directory, entry, position)
        elif directory.only is not None:
            raise SourceUnavailable(_advice(self.location.url, entry.name))
        else:
            self.count.other_files += 1

    def _named(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Found]:
        reason = self._refusal_of(position, entry)
        if reason:
            yield self._refused(position, reason)
        elif entry.kind == "directory":
            yield from self._directory(directory.below(entry, position[-1]))
        elif is_archive_name(entry.name):
            yield from self._archive(directory, entry, position)
        else:
            yield from self._document(directory, entry, position)

    def _refusal_of(self, position: Position, entry: Entry) -> str | None:
        if not _is_text(entry.name):
            return "its name is not UTF-8 and cannot stand in a catalogue; rename it"
        if entry.kind == "directory" and entry.name.endswith("!"):
            return "a directory whose name ends in ! would be taken for an archive; rename it"
        if len(position) > self.limits.depth:
            return f"it lies deeper than {self.limits.depth} directories; perhaps a loop on the server"
        return None

    def _archive(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Found]:
        if directory.archives >= 2:
            yield self._refused(position, "archives are nested more than twice; unpack the outer one")
            return
        try:
            file = directory.tree.open(joined(directory.path, entry.name))
            tree = open_archive(file, entry.name, entry.size, self.limits)
        except UnreadableScene as error:
            yield self._refused(position, str(error))
            return
        self.count.archives += 1
        try:
            yield from self._directory(
                Directory(tree, self.limits, position, above=directory, archives=directory.archives + 1)
            )
        finally:
            tree.close()

    def _document(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Found]:
        self._report()
        try:
            data, classification = directory.document(entry)
        except UnreadableScene as error:
            yield self._refused(position, str(error))
            return
        if directory.only is not None and classification.kind != "product":
            raise SourceUnavailable(_advice(self.location.url, entry.name))
        if classification.kind == "not-dimap":
            self.count.not_dimap += 1
        elif classification.kind == "product":
            yield self._product(directory, entry, position, data)
        else:
            yield from self._companion(directory, entry, position, data, classification)

    def _product(self, directory: Directory, entry: Entry, position: Position, data: bytes) -> Found:
        self.count.products += 1
        content = product_content(directory.tree, joined(directory.path, entry.name), data, self.limits)
        return self._found(position, content)

    def _companion(
        self, directory: Directory, entry: Entry, position: Position, data: bytes, classification: Classification
    ) -> Iterator[Found]:
        path = joined(directory.path, entry.name)
        try:
            faults = self._faults(directory, path, data, classification)
        except UnreadableScene as error:
            faults = [str(error)]
        if faults:
            yield self._refused(position, "; ".join(faults))
        else:
            self.count.companions += 1

    def _faults(self, directory: Directory, path: str, data: bytes, classification: Classification) -> list[str]:
        """What is wrong with a document that is no product, or with what it names."""
        components, missing = missing_components(directory.tree, path, data)
        if components:
            there = [href for href in components if href not in missing]
            damaged = damaged_components(directory.tree, path, there)
            return [
                *([f"the product that it names is missing: {', '.join(missing)}; deliver it"] if missing else []),
                *([f"what it names is no DIMAP document: {', '.join(damaged)}; deliver it again"] if damaged else []),
            ]
        if linked_paths(data, path).images:
            return [f"it names images, but is {_role(classification)} and no PRODUCT (METADATA_SUBPROFILE); not read"]
        return [] if directory.belongs_to_product else [_orphaned(_role(classification), directory.unrecognised)]

    def _refused(self, position: Position, reason: str) -> Found:
        self.count.refused += 1
        logger.debug("%s: %s", _text(position), reason)
        return self._found(position, refused_content(f"{_text(position)}: {reason}"))

    def _found(self, position: Position, content: Mapping[str, Any]) -> Found:
        where = {"root": self.location.url, "path": _text(position)}
        url = "/".join((self.location.url, *map(_quoted_part, position)))
        return Found(position, RawRecord(id=url, content={**where, **content}, place_keys=frozenset(where)))

    def _report(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.count)


def cursor_of(position: Position) -> str:
    """A position as text, to be kept until the walk goes on."""
    return "/".join(map(_quoted_part, position))


def _advice(folder: str, name: str) -> str:
    return f"{folder}/{quoted(name)} is neither a product (DIM_*.XML) nor an archive: harvest its folder, {folder}."


def _part(entry: Entry) -> str:
    return f"{entry.name}!" if entry.kind == "file" and is_archive_name(entry.name) else entry.name


def _is_metadata(entry: Entry) -> bool:
    return entry.kind == "file" and is_metadata_name(entry.name)


def _is_read(entry: Entry) -> bool:
    return is_metadata_name(entry.name) or is_archive_name(entry.name)


def _may_be_metadata(head: bytes) -> bool:
    # UTF-16 would hide the names behind zero bytes.
    text = head.replace(b"\0", b"").lower()
    return any(sign in text for sign in _SIGNS)


def _role(classification: Classification) -> str:
    if classification.subprofile == "RPC":
        return "an RPC model"
    return f"a DIMAP document of kind {classification.subprofile or classification.profile or 'unknown'}"


def _orphaned(role: str, suspects: Sequence[str]) -> str:
    if not suspects:
        return f"{role} without its product (DIM_*.XML); deliver it too"
    return f"{role} without its product; perhaps it is damaged, for this is no DIMAP: {', '.join(suspects)}"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def _text(position: Position) -> str:
    """A position for people, with the bytes that are no text as escapes."""
    return os.fsencode("/".join(position)).decode("utf-8", "backslashreplace")


def _quoted_part(part: str) -> str:
    is_archive = part.endswith("!") and is_archive_name(part[:-1])
    return quoted(part[:-1]) + "!" if is_archive else quoted(part)
