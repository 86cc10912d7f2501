"""The location of the documents that come with the program."""

from __future__ import annotations

from pathlib import Path


def default_collections_directory() -> Path:
    """The packaged documents: `collections/` of a checkout, or the copy inside an installed package."""
    package = Path(__file__).resolve().parent
    installed = package / "packaged_collections"
    return installed if installed.is_dir() else package.parents[1] / "collections"
