"""What the reader of a product needs: its metadata, its masks, its strip lineage, and which of its files exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvester.dimap import MetadataFile, beside
from harvester.errors import UnreadableScene
from harvester.sources.deliveries.file_tree import Limits, Tree


def product_content(tree: Tree, path: str, data: bytes, metadata: MetadataFile, limits: Limits) -> dict[str, Any]:
    """The content of the record of one product, without its place.

    Args:
        tree: where the product lies.
        path: of its metadata file in that tree.
        data: content of the metadata file.
        metadata: the same, parsed.
        limits: how large a mask or lineage may be.

    Returns:
        The content. A cloud mask that is too large or unreadable is no problem of the product: `unread` then says why
        it is not among the documents.
    """
    links = metadata.links
    if links is None:
        return {**_content({"product": data}), "problem": metadata.problem}
    files: dict[str, Any] = {}
    try:
        sizes = {href: file.size for href in links.hrefs() if (file := tree.file(beside(path, href))) is not None}
        files = {href: {"size": size, "cog": _is_cog(tree, beside(path, href))} for href, size in sizes.items()}
        roi = _linked_document(tree, path, links.roi, sizes, limits.document_bytes)
        strip = _linked_document(tree, path, links.strip, sizes, limits.document_bytes)
    except UnreadableScene as error:
        return {**_content({"product": data}, files), "problem": f"{path}: {error}"}
    documents = {"product": data, "roi": roi, "strip": strip}
    try:
        clouds = _linked_document(tree, path, links.clouds, sizes, limits.cloud_mask_bytes)
    except UnreadableScene as error:
        return {**_content(documents, files), "unread": {"clouds": str(error)}}
    return _content({**documents, "clouds": clouds}, files)


def refused_content(problem: str) -> dict[str, Any]:
    """The content of a record that only says why there is none, without its place."""
    return {"documents": {}, "files": {}, "problem": problem}


def _linked_document(
    tree: Tree, path: str, href: str | None, sizes: Mapping[str, int], limit_bytes: int
) -> bytes | None:
    if href is None or href not in sizes:
        return None
    if sizes[href] > limit_bytes:
        raise UnreadableScene(f"{href} is larger than {limit_bytes} bytes; deliver it again")
    return tree.read(beside(path, href), limit_bytes)


def _is_cog(tree: Tree, path: str) -> bool:
    if (local := tree.local_path(path)) is None:
        return False
    from harvester.rasters import is_cog  # noqa: PLC0415 - other sources can do without GDAL, which is long to load

    return is_cog(local)


def _content(documents: Mapping[str, bytes | None], files: Mapping[str, Any] | None = None) -> dict[str, Any]:
    # Bytes that are not UTF-8 are kept as lone surrogates, so that the reader can apply the declared encoding.
    texts = {role: data.decode("utf-8", "surrogateescape") for role, data in documents.items() if data is not None}
    return {"documents": texts, "files": dict(files or {}), "problem": None}
