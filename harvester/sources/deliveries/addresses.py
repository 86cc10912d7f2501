"""Addresses of deliveries, as people write them."""

from __future__ import annotations

import os
import re
from pathlib import Path

URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^/@:]*)(?::(?P<password>[^/]*))?@)?"
    r"(?P<host>\[[^\]/]*\]|[^/:]*)(?::(?P<port>\d+))?(?P<path>/.*)?",
    re.DOTALL,
)
IN_ARCHIVE = re.compile(r"\A(zip|tar)(://)?::")


def absolute_location(location: str) -> str:
    """A location that does not depend on the working directory: local paths are made absolute, without `..`."""
    place = IN_ARCHIVE.sub("", location)
    if not place.strip() or "://" in place:
        return location
    path = expanded(place).absolute()
    # Symbolic links keep the name that the operator gave them, except before `..`: they say which folder is meant.
    # Unlike `resolve`, this passes over links that lead to themselves.
    return os.path.realpath(path) if ".." in path.parts else str(path)


def expanded(path: str) -> Path:
    """A local path with `~` expanded; a name such as `~x` stays as it is if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def shown_location(location: str) -> str:
    """A location fit to be shown: without user name and password."""
    found = URL.fullmatch(IN_ARCHIVE.sub("", location))
    if found is None:
        scheme, colon, _ = location.partition("://")
        return f"{scheme}://…" if colon else location
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme'].lower()}://{found['host']}{port}{found['path'] or ''}"
