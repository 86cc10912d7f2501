"""How a delivery is recognised as unchanged without reading it: by the stamps of the files that it was read from.

The fingerprint of a product names those files, so that the product need not be parsed to find them, and holds a digest
of their stamps. It also names missing ones: a file that appears changes the digest. Between two products the walk
passes over documents that make no record (RPC models, lineage, volumes, unrelated XML); these are part of the
fingerprint of the product before them, each with its own digest.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import b85decode, b85encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from harvester.dimap import beside
from harvester.dimap.classification import Kind
from harvester.errors import UnreadableScene
from harvester.sources.deliveries.file_tree import Tree

#: Incremented when records are made from other files or in another way, which invalidates older fingerprints.
_VERSION = 2
_MISSING = "-"


@dataclass(frozen=True)
class Stamps:
    """The stamps of one document and of the files beside it that it names."""

    digest: str  #: of the stamps of all these files
    hrefs: tuple[str, ...]  #: relative to the directory of the document

    @classmethod
    def at(cls, tree: Tree, path: str, stamp: str | None, hrefs: Sequence[str]) -> Self | None:
        """The stamps of a document and its files; None where one is not certain.

        Raises:
            UnreadableScene: A file that it names cannot be looked at.
            SourceUnavailable: Nothing can be read there.
        """
        stamps = [stamp, *(_stamp(tree, beside(path, href)) for href in hrefs)]
        if None in stamps:
            return None
        return cls(hashlib.sha256(json.dumps(stamps).encode("ascii")).hexdigest()[:32], tuple(hrefs))


@dataclass(frozen=True)
class PassedOver:
    """A document that makes no record."""

    kind: Kind
    stamps: Stamps


@dataclass(frozen=True)
class Fingerprint:
    """The files behind the record of a product, and the documents passed over after it."""

    product: Stamps
    passed_over: Mapping[str, PassedOver]  #: by path from the root of the location

    def text(self) -> str:
        """The text that is kept: about a kilobyte, as the repetitive names of a delivery compress well."""
        passed = {
            place: [each.kind, each.stamps.digest, *each.stamps.hrefs] for place, each in self.passed_over.items()
        }
        said = json.dumps([_VERSION, [self.product.digest, *self.product.hrefs], passed], separators=(",", ":"))
        return b85encode(zlib.compress(said.encode("ascii"), 9)).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """The fingerprint in a kept text; None where it is of another version, so that the product must be read."""
        try:
            version, product, passed = json.loads(zlib.decompress(b85decode(text)))
            if version != _VERSION:
                return None
            passed_over = {place: PassedOver(kind, _stamps(rest)) for place, (kind, *rest) in passed.items()}
            return cls(_stamps(product), passed_over)
        except (ValueError, TypeError, LookupError, AttributeError, zlib.error):
            return None


def _stamps(said: Sequence[str]) -> Stamps:
    return Stamps(said[0], tuple(said[1:]))


def _stamp(tree: Tree, path: str) -> str | None:
    try:
        file = tree.file(path)
    except UnreadableScene:
        return None
    return _MISSING if file is None else file.stamp
