"""Whether a symbolic link is read, left to the place it leads to, or refused with a reason."""

from __future__ import annotations

from harvester.sources.deliveries.file_tree import Entry, is_archive_name, is_metadata_name


def entry_of_link(name: str, target: tuple[str, Entry | None] | None, root: str, directory: str) -> Entry:
    """The entry that stands for a symbolic link.

    Args:
        name: of the link.
        target: real path of its target, with the file's entry under the link's name (None for a directory); None if
            it leads to nothing.
        root: real path of the root of the tree.
        directory: real path of the directory that holds the link.
    """
    if target is None:
        return _refused(name, "the symbolic link leads to nothing")
    real, file = target
    if not _is_below(real, root):
        return _refused(name, "the symbolic link leaves the archive and is not followed; harvest its target itself")
    if file is None:
        if _is_below(directory, real):
            return _refused(name, "the symbolic link leads back to a directory above it: a loop, not followed")
        return Entry(name=name, kind="link")
    # The target is walked at its own place, unless only the link's name shows that it is metadata.
    if _is_walked(name) and not _is_walked(real):
        return file
    return Entry(name=name, kind="link")


def _is_walked(name: str) -> bool:
    return is_metadata_name(name) or is_archive_name(name)


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _refused(name: str, reason: str) -> Entry:
    return Entry(name=name, kind="refused", reason=reason)
