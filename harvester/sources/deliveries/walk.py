"""Walks a tree of files for deliveries, in an order that can be resumed anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from logging import getLogger
from typing import Any

from harvester.dimap import Classification, MetadataFile, beside, is_named_as_product, unsafe_reason
from harvester.dimap.classification import Kind
from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.record import RawRecord
from harvester.sources.deliveries.archive_tree import open_archive
from harvester.sources.deliveries.content import product_content, refused_content
from harvester.sources.deliveries.directories import Directory, Document, Position, text_of
from harvester.sources.deliveries.documents import Documents
from harvester.sources.deliveries.file_tree import Entry, Limits, is_archive_name, is_metadata_name
from harvester.sources.deliveries.fingerprints import Fingerprint, PassedOver, Stamps
from harvester.sources.deliveries.location import OpenLocation, quoted
from harvester.sources.source import Fingerprints, Progress

logger = getLogger(__name__)

#: Documents in the fingerprint of the product before them; any further ones are read each time.
_MOST_PASSED_OVER = 50


@dataclass
class WalkCount:
    """What a walk has seen so far, so that nothing is skipped silently."""

    directories: int = 0
    archives: int = 0
    products: int = 0  #: metadata files of products; each is a record
    refused: int = 0  #: records that only say why something cannot be read
    companions: int = 0  #: DIMAP documents that belong to a product: RPC, lineage, volume…
    not_dimap: int = 0  #: other XML files
    links: int = 0  #: pipes, devices, and symbolic links to what is walked at its own place
    other_files: int = 0  #: images, masks, previews, and everything else that is not metadata

    def tell(self, progress: Progress) -> None:
        """Update the progress display."""
        progress.records = self.products + self.refused
        progress.passed_over = self.passed_over()
        seen = progress.records + sum(progress.passed_over.values())
        progress.at_hand = f"{seen} files in {self.directories} folders seen"

    def passed_over(self) -> dict[str, int]:
        """What was seen but is no record: numbers by kind, without zeros."""
        kinds = {
            "DIMAP documents that belong to a product": self.companions,
            "XML files that are not DIMAP": self.not_dimap,
            "links and special files": self.links,
            "other files": self.other_files,
        }
        return {kind: number for kind, number in kinds.items() if number}


@dataclass(frozen=True)
class Found:
    """A record, and its position in the walk."""

    position: Position
    id: str
    record: RawRecord | None  #: None where the ledger has it unchanged, so that it was not read


#: One step of the walk; None: the end of an archive, which is closed before the next step.
Step = Found | Document | None


@dataclass
class _LastProduct:
    """The last product read, and the documents passed over since."""

    found: Found
    directory: Position
    stamps: Stamps | None
    has_images: bool
    passed_over: dict[str, PassedOver] = field(default_factory=dict)

    def with_fingerprint(self) -> Found:
        """The record, with its fingerprint."""
        if self.stamps is None or self.found.record is None:
            return self.found
        fingerprint = Fingerprint(self.stamps, self.passed_over).text()
        return replace(self.found, record=replace(self.found.record, fingerprint=fingerprint))


@dataclass
class Walk:
    """One walk over a location, depth first, names sorted."""

    location: OpenLocation
    limits: Limits
    progress: Progress
    fingerprints: Fingerprints
    at_once: int  #: number of documents whose fingerprints are looked up together
    after: Position  #: everything up to and including this position is left out
    count: WalkCount = field(default_factory=WalkCount)
    _last_product: _LastProduct | None = None
    _unchanged: dict[Position, PassedOver] = field(default_factory=dict)  #: from the fingerprints of unchanged products

    def records(self) -> Iterator[Found]:
        """Every product, and everything that should have been one, once.

        Raises:
            SourceUnavailable: When the location cannot be read, or is a file that is no product and no archive.
        """
        root = Directory(Documents(self.location.tree, self.limits), (), only=self.location.only)
        for steps in self._batches(self._directory(root)):
            unread = self._recognised([step for step in steps if isinstance(step, Document)])
            for step in steps:
                yield from self._found_at(step, unread)
        yield from self._released()
        self.count.tell(self.progress)

    def _batches(self, steps: Iterator[Step]) -> Iterator[list[Found | Document]]:
        batch: list[Found | Document] = []
        for step in steps:
            if step is not None:
                batch.append(step)
            if batch and (step is None or len(batch) >= self.at_once):
                yield batch
                batch = []
        yield batch

    def _recognised(self, documents: Sequence[Document]) -> set[str]:
        """The ids of the unchanged products; the documents passed over in their fingerprints are remembered."""
        if not documents:
            return set()
        kept = self.fingerprints([document.id for document in documents])
        # Documents behind the current position are not needed any more.
        self._unchanged = {place: each for place, each in self._unchanged.items() if place >= documents[0].position}
        unread = set()
        for document in documents:
            fingerprint = Fingerprint.from_text(kept[document.id]) if document.id in kept else None
            if fingerprint and document.is_same(fingerprint.product):
                unread.add(document.id)
                self._unchanged |= {tuple(key.split("/")): each for key, each in fingerprint.passed_over.items()}
        return unread

    def _found_at(self, step: Found | Document, unread: set[str]) -> Iterator[Found]:
        if isinstance(step, Found):
            yield from self._released()
            if step.position > self.after:
                yield step
        elif step.id in unread:
            yield from self._released()
            self.count.products += 1
            yield Found(step.position, step.id, None)
        elif (known := self._unchanged.get(step.position)) and step.is_same(known.stamps):
            self._count_passed_over(known.kind)
        else:
            yield from self._document(step)
        self.count.tell(self.progress)

    def _released(self) -> Iterator[Found]:
        """The last product, once its fingerprint is complete."""
        last, self._last_product = self._last_product, None
        if last is not None:
            yield last.with_fingerprint()

    def _directory(self, directory: Directory) -> Iterator[Step]:
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

    def _is_behind(self, position: Position, entry: Entry) -> bool:
        """Whether the walk that is being resumed has already been here, and below here."""
        if entry.kind == "directory" or position[-1].endswith("!"):
            return position < self.after[: len(position)]
        return position <= self.after

    def _entry(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Step]:
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

    def _named(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Step]:
        reason = self._refusal_of(position, entry)
        if reason:
            yield self._refused(position, reason)
        elif entry.kind == "directory":
            yield from self._directory(directory.below(entry, position[-1]))
        elif is_archive_name(entry.name):
            yield from self._archive(directory, entry, position)
        else:
            yield Document(directory, entry, position, self._id(position))

    def _refusal_of(self, position: Position, entry: Entry) -> str | None:
        if not _is_text(entry.name):
            return "its name is not UTF-8 and cannot stand in a catalogue; rename it"
        if entry.kind == "directory" and entry.name.endswith("!"):
            return "a directory whose name ends in ! would be taken for an archive; rename it"
        if len(position) > self.limits.depth:
            return f"it lies deeper than {self.limits.depth} directories; perhaps a loop on the server"
        return None

    def _archive(self, directory: Directory, entry: Entry, position: Position) -> Iterator[Step]:
        if directory.archives >= 2:
            yield self._refused(position, "archives are nested more than twice; unpack the outer one")
            return
        try:
            file = directory.documents.tree.open(directory.path_of(entry))
            tree = open_archive(file, entry, self.limits)
        except UnreadableScene as error:
            yield self._refused(position, str(error))
            return
        self.count.archives += 1
        documents = Documents(tree, self.limits)
        try:
            yield from self._directory(Directory(documents, position, above=directory, archives=directory.archives + 1))
            yield None
        finally:
            tree.close()

    def _document(self, document: Document) -> Iterator[Found]:
        documents = document.directory.documents
        try:
            metadata = documents.metadata(document.path, document.entry)
            content = (
                documents.content(document.path, document.entry) if metadata.classification.kind == "product" else b""
            )
        except UnreadableScene as error:
            yield from self._refusal(document, str(error))
            return
        kind = metadata.classification.kind
        if document.directory.only is not None and kind != "product":
            raise SourceUnavailable(_advice(self.location.url, document.entry.name))
        if kind == "product":
            yield from self._product(document, content, metadata)
        elif faults := self._faults(document, metadata):
            yield from self._refusal(document, "; ".join(faults))
        else:
            self._pass_over(document, metadata)

    def _product(self, document: Document, data: bytes, metadata: MetadataFile) -> Iterator[Found]:
        yield from self._released()
        self.count.products += 1
        documents, links = document.directory.documents, metadata.links
        # A file that changes meanwhile has no certain stamp, or will have another one next time.
        stamps = document.stamps(links.hrefs()) if links else None
        content = product_content(documents.tree, document.path, data, metadata, self.limits)
        self._last_product = _LastProduct(
            self._found(document.position, content),
            document.directory.position,
            None if content["problem"] else stamps,
            has_images=bool(links and links.images),
        )

    def _faults(self, document: Document, metadata: MetadataFile) -> list[str]:
        """What is wrong with a document that is no product, or with what it names."""
        classification = metadata.classification
        if classification.kind == "not-dimap":
            is_damaged = is_named_as_product(document.entry.name)
            return ["it has the name of a product, but is no DIMAP document; deliver it again"] if is_damaged else []
        if metadata.components:
            return _faults_of_components(document, metadata.components)
        if metadata.problem is not None:
            return [metadata.problem]
        if metadata.links and metadata.links.images:
            return [f"it names images, but is {_role(classification)} and no PRODUCT (METADATA_SUBPROFILE); not read"]
        directory = document.directory
        return [] if directory.belongs_to_product else [_orphaned(_role(classification), directory.unrecognised)]

    def _pass_over(self, document: Document, metadata: MetadataFile) -> None:
        """Count a document that makes no record, and add it to the fingerprint of the product before it.

        A companion without components is only added to a product in its own directory or above.
        """
        kind = metadata.classification.kind
        self._count_passed_over(kind)
        last = self._last_product
        if last is None or len(last.passed_over) >= _MOST_PASSED_OVER:
            return
        belongs = last.has_images and document.position[: len(last.directory)] == last.directory
        stamps = document.stamps(metadata.components) if kind == "not-dimap" or metadata.components or belongs else None
        if stamps is not None:
            last.passed_over["/".join(document.position)] = PassedOver(kind, stamps)

    def _count_passed_over(self, kind: Kind) -> None:
        if kind == "not-dimap":
            self.count.not_dimap += 1
        else:
            self.count.companions += 1

    def _refusal(self, document: Document, reason: str) -> Iterator[Found]:
        yield from self._released()
        yield self._refused(document.position, reason)

    def _refused(self, position: Position, reason: str) -> Found:
        self.count.refused += 1
        logger.debug("%s: %s", text_of(position), reason)
        return self._found(position, refused_content(f"{text_of(position)}: {reason}"))

    def _found(self, position: Position, content: Mapping[str, Any]) -> Found:
        where = {"root": self.location.url, "path": text_of(position)}
        record = RawRecord(id=self._id(position), content={**where, **content}, place_keys=frozenset(where))
        return Found(position, record.id, record)

    def _id(self, position: Position) -> str:
        return "/".join((self.location.url, *map(_quoted_part, position)))


def _faults_of_components(document: Document, hrefs: Sequence[str]) -> list[str]:
    """Which of the documents that a volume names are missing, or no longer DIMAP.

    Empty and unreadable ones are not among them: the walk refuses them at their own places.
    """
    try:
        found = {href: None if unsafe_reason(href) else _component(document, href) for href in hrefs}
    except UnreadableScene as error:
        return [f"what it names cannot be looked for: {error}"]
    missing = [href for href, file in found.items() if file is None]
    damaged = [href for href, file in found.items() if file is not None and _is_damaged(document, href, file)]
    return [
        *([f"the product that it names is missing: {', '.join(missing)}; deliver it"] if missing else []),
        *([f"what it names is no DIMAP document: {', '.join(damaged)}; deliver it again"] if damaged else []),
    ]


def _component(document: Document, href: str) -> Entry | None:
    return document.directory.documents.tree.file(beside(document.path, href))


def _is_damaged(document: Document, href: str, file: Entry) -> bool:
    try:
        metadata = document.directory.documents.metadata(beside(document.path, href), file)
    except UnreadableScene:
        return False
    return metadata.classification.kind == "not-dimap"


def cursor_of(position: Position) -> str:
    """A position as text, from which the walk can be resumed."""
    return "/".join(map(_quoted_part, position))


def _advice(folder: str, name: str) -> str:
    return f"{folder}/{quoted(name)} is neither a product (DIM_*.XML) nor an archive: harvest its folder, {folder}."


def _is_read(entry: Entry) -> bool:
    return is_metadata_name(entry.name) or is_archive_name(entry.name)


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


def _quoted_part(part: str) -> str:
    is_archive = part.endswith("!") and is_archive_name(part[:-1])
    return quoted(part[:-1]) + "!" if is_archive else quoted(part)
