"""What the reader of a product needs: its metadata, its mask, its strip lineage, and which of its files exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harvester.dimap import LinkedPaths, MetadataFile, beside
from harvester.errors import UnreadableScene
from harvester.rasters import is_cog
from harvester.sources.deliveries.file_tree import Limits, Tree


def product_content(tree: Tree, path: str, data: bytes, metadata: MetadataFile, limits: Limits) -> dict[str, Any]:
    """The content of the record of one product, but for its place.

    Args:
        tree: where the product lies.
        path: of its metadata file in that tree.
        data: the metadata file.
        metadata: what it names.
        limits: how large a mask or lineage may be.
    """
    links = metadata.links
    if links is None:
        return {**_content({"product": data}), "problem": metadata.problem}
    sizes = {href: file.size for href in links.hrefs() if (file := tree.file(beside(path, href))) is not None}
    files = {href: {"size": size, "cog": _is_cog(tree, beside(path, href))} for href, size in sizes.items()}
    try:
        documents = {"product": data, **dict(_linked_documents(tree, path, links, sizes, limits))}
    except UnreadableScene as error:
        return {**_content({"product": data}, files), "problem": str(error)}
    return _content(documents, files)


def refused_content(problem: str) -> dict[str, Any]:
    """The content of a record that says only why there is none, but for its place."""
    return {"documents": {}, "files": {}, "problem": problem}


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
