"""What the reader of a product needs: its metadata, its mask, its strip lineage, and which of its files exist."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harvester.dimap import classify, linked_paths
from harvester.dimap.document import parse_document
from harvester.dimap.links import LinkedPaths, beside, unsafe_reason
from harvester.errors import UnreadableScene
from harvester.rasters import is_cog
from harvester.sources.file_tree import Limits, Tree

#: Of a document whose root element alone is asked for; nearly all are shorter.
_HEAD_BYTES = 2**20
_COMPONENTS = ("Dataset_Content/Dataset_Components/Component", "Dataset_Components/Component")


def product_content(tree: Tree, path: str, data: bytes, limits: Limits) -> dict[str, Any]:
    """The content of the record of one product, but for its place.

    Args:
        tree: where the product lies.
        path: of its metadata file in that tree.
        data: the metadata file.
        limits: how large a mask or lineage may be.
    """
    try:
        links = linked_paths(data, path)
    except UnreadableScene as error:
        return {**_content({"product": data}), "problem": str(error)}
    sizes = {href: size for href in links.hrefs() if (size := tree.file_size(beside(path, href))) is not None}
    files = {href: {"size": size, "cog": _is_cog(tree, beside(path, href))} for href, size in sizes.items()}
    try:
        documents = {"product": data, **dict(_linked_documents(tree, path, links, sizes, limits))}
    except UnreadableScene as error:
        return {**_content({"product": data}, files), "problem": str(error)}
    return _content(documents, files)


def refused_content(problem: str) -> dict[str, Any]:
    """The content of a record that says only why there is none, but for its place."""
    return {"documents": {}, "files": {}, "problem": problem}


def missing_components(tree: Tree, path: str, data: bytes) -> tuple[list[str], list[str]]:
    """The DIMAP documents that a volume names, and those of them that are not there; none for other documents.

    Raises:
        UnreadableScene: When the document is not safe, well-formed XML.
    """
    named = list(_components(data, path))
    return named, [href for href in named if unsafe_reason(href) or tree.file_size(beside(path, href)) is None]


def damaged_components(tree: Tree, path: str, hrefs: Sequence[str]) -> list[str]:
    """Of the documents that a volume names and that are there, those that are no DIMAP any more.

    What is empty or cannot be opened is not among them: the walk refuses it at its own place.
    """
    return [href for href in hrefs if _is_damaged(tree, beside(path, href))]


def _is_damaged(tree: Tree, path: str) -> bool:
    try:
        data = tree.read(path, _HEAD_BYTES)
    except UnreadableScene:
        return False
    return bool(data) and classify(data, path).kind == "not-dimap"


def _components(data: bytes, path: str) -> Iterator[str]:
    document = parse_document(data, posixpath.basename(path))
    for place in _COMPONENTS:
        for component in document.sections(place):
            href = component.attribute("COMPONENT_PATH", "href")
            if href is not None and component.text("COMPONENT_TYPE") == "DIMAP":
                yield href


def _linked_documents(
    tree: Tree, path: str, links: LinkedPaths, sizes: Mapping[str, int], limits: Limits
) -> Iterator[tuple[str, bytes]]:
    for role, href in (("roi", links.roi), ("strip", links.strip)):
        if href is None or href not in sizes:
            continue
        if sizes[href] > limits.document_bytes:
            raise UnreadableScene(f"{path}: {href} is larger than {limits.document_bytes} bytes; deliver it again")
        yield role, tree.read(beside(path, href), limits.document_bytes)


def _is_cog(tree: Tree, path: str) -> bool:
    local = tree.local_path(path)
    return local is not None and is_cog(local)


def _content(documents: Mapping[str, bytes], files: Mapping[str, Any] | None = None) -> dict[str, Any]:
    # Bytes that are not UTF-8 survive as lone surrogates, so that the reader sees the declared encoding.
    texts = {role: data.decode("utf-8", "surrogateescape") for role, data in documents.items()}
    return {"documents": texts, "files": dict(files or {}), "problem": None}
