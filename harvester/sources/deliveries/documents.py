"""The metadata files of one tree, each read and parsed once."""

from __future__ import annotations

import re

from harvester.dimap import NOT_DIMAP, MetadataFile, read_metadata_file
from harvester.errors import UnreadableScene
from harvester.sources.deliveries.file_tree import Entry, Limits, Tree

#: Read at first; the rest of a larger file only if this beginning looks like satellite metadata.
_HEAD_BYTES = 2**20
#: UTF-16 has zero bytes between the letters.
_SIGN = re.compile(
    b"|".join(rb"\0*".join(map(re.escape, map(str.encode, word))) for word in ("dimap", "rapideye")), re.I
)
#: Enough for the directories around one product, and those that its volume names.
_REMEMBERED = 512


class Documents:
    """Reads metadata files, and remembers the last ones."""

    def __init__(self, tree: Tree, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self._remembered: dict[str, MetadataFile] = {}
        self._last: tuple[str | None, bytes] = (None, b"")

    def metadata(self, path: str, entry: Entry) -> MetadataFile:
        """A metadata file, classified, with what it names.

        Raises:
            UnreadableScene: When it is empty, too large or cannot be read.
        """
        if path not in self._remembered:
            data = self.content(path, entry)
            if len(self._remembered) >= _REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[path] = read_metadata_file(data, path) if _SIGN.search(data) else NOT_DIMAP
        return self._remembered[path]

    def content(self, path: str, entry: Entry) -> bytes:
        """The content of a metadata file, or only the beginning of another file; the last one is cached.

        Raises:
            UnreadableScene: When it is empty, too large or cannot be read.
        """
        if self._last[0] != path:
            self._last = (path, self._bytes(path, entry))
        return self._last[1]

    def _bytes(self, path: str, entry: Entry) -> bytes:
        if entry.size == 0:
            raise UnreadableScene("the file is empty (0 bytes); deliver it again")
        limit = self.limits.document_bytes
        data = self.tree.read(path, min(_HEAD_BYTES, limit + 1))
        if not _SIGN.search(data):
            return data
        if max(entry.size, len(data)) > limit:
            raise UnreadableScene(f"the file is larger than {limit} bytes; no metadata is")
        return self.tree.read(path, limit) if entry.size > len(data) else data
