"""From what the operator writes, a path or a URL, to a tree of files; credentials stay behind here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import fsspec
import paramiko
from fsspec import AbstractFileSystem

from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.sources.file_tree import Tree
from harvester.sources.local_tree import LocalTree
from harvester.sources.remote_tree import RemoteTree, close_files
from harvester.sources.ssh_files import KnownHostsFileSystem

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^/@:]*)(?::(?P<password>[^/]*))?@)?"
    r"(?P<host>\[[^\]/]*\]|[^/:]*)(?::(?P<port>\d+))?(?P<path>/.*)?",
    re.DOTALL,
)
_IN_ARCHIVE = re.compile(r"\A(zip|tar)(://)?::")
_TIMEOUT_S = 30
#: What stands unescaped in the path of a URL; "!" is not among it, because it ends the name of an archive.
_PLAIN = "$&'()*+,;=:@~"


@dataclass(frozen=True)
class OpenLocation:
    """A location that answers."""

    url: str  #: of the root of the tree, without credentials and without a final "/"
    tree: Tree
    only: str | None  #: the one entry of the root that was asked for, None for all


def shown_location(location: str) -> str:
    """A location as it may be shown: without user name and password."""
    found = _URL.fullmatch(_IN_ARCHIVE.sub("", location))
    if found is None:
        scheme, colon, _ = location.partition("://")
        return f"{scheme}://…" if colon else location
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme'].lower()}://{found['host']}{port}{found['path'] or ''}"


def with_password(location: str, password: str) -> str:
    """The location with this password, where its URL names a user of an FTP or SFTP server and no password."""
    found = _URL.fullmatch(_IN_ARCHIVE.sub("", location))
    if found is None or found["scheme"].lower() not in ("ftp", "sftp", "ssh") or not found["user"] or found["password"]:
        return location
    return location.replace(f"{found['user']}@", f"{found['user']}:{quote(password, safe='')}@", 1)


def open_location(location: str) -> OpenLocation:
    """Connect to where the deliveries are.

    Args:
        location: a local path, or a URL of `file`, `ftp`, `sftp` or `s3`; of a directory or of one file. An fsspec
            chain `zip::URL` or `tar::URL` is the same as the URL, because archives are read in place.

    Raises:
        SourceUnavailable: When it does not exist, cannot be reached or cannot be read.
    """
    place = _IN_ARCHIVE.sub("", location)
    if not place.strip():
        # An empty path would be the working directory; mostly it is a variable that is not set.
        raise SourceUnavailable("The location is empty: give a path or URL, or a dot for the working directory.")
    found = _URL.fullmatch(place)
    if found is None and "://" in place:
        raise SourceUnavailable("The URL cannot be read: write / and other signs in a password as %2F, %40…")
    if found is None:
        return _open_local(Path(place).expanduser())
    scheme = found["scheme"].lower()
    if scheme == "file":
        return _open_local(_path_of_file_url(found))
    if scheme == "ssh":
        scheme = "sftp"
    if scheme not in _CONNECT:
        raise SourceUnavailable(f"{scheme}:// is not supported: give a path, or a file, ftp, sftp or s3 URL.")
    return _open_remote(_CONNECT[scheme], found, scheme)


def quoted(name: str) -> str:
    """One name as it stands in a URL."""
    return quote(name, safe=_PLAIN, errors="surrogateescape")


def _path_of_file_url(found: re.Match[str]) -> Path:
    if found["host"] not in {"", "localhost"} or not found["path"]:
        raise SourceUnavailable(f"{shown_location(found[0])}: a file URL has three slashes, as file:///data/archive.")
    plain = Path(found["path"])
    return plain if plain.exists() else Path(unquote(found["path"]))


def _open_local(path: Path) -> OpenLocation:
    try:
        is_file, exists = path.is_file(), path.exists()
    except (OSError, ValueError) as error:
        raise SourceUnavailable(
            f"{str(path)!r} cannot be read ({error}). Check the path and its permissions."
        ) from error
    if not exists:
        raise SourceUnavailable(f"{path} does not exist. Check the path, and that the disk is mounted.")
    # Resolved, so that the same files reached by another path are the same records.
    root = path.resolve().parent if is_file else path.resolve()
    url = "file://" + "/".join(quoted(part) for part in str(root).rstrip("/").split("/"))
    return _checked(OpenLocation(url, LocalTree(root), path.resolve().name if is_file else None))


def _open_remote(
    connect: Callable[[re.Match[str]], AbstractFileSystem], found: re.Match[str], scheme: str
) -> OpenLocation:
    shown = shown_location(found[0])
    try:
        files = connect(found)
    except paramiko.BadHostKeyException as error:
        raise SourceUnavailable(
            f"{shown}: the server's key is not the one in known_hosts. Ask its operator."
        ) from error
    # Each protocol's library has an exception tree of its own; their texts may repeat what we sent,
    # so none of them is chained.
    except Exception as error:
        raise SourceUnavailable(
            f"{shown}: {_without_secrets(error, found)}. Check the address, the network, the user name and password,"
            " and for sftp that the server's key is in known_hosts (ssh-keyscan)."
        ) from None
    try:
        return _remote_root(files, found, scheme)
    except BaseException:
        close_files(files)
        raise


def _remote_root(files: AbstractFileSystem, found: re.Match[str], scheme: str) -> OpenLocation:
    path, is_file = _remote_path(files, found, scheme)
    base, only = (path.rpartition("/")[0], path.rpartition("/")[2]) if is_file else (path, None)
    host = "" if scheme == "s3" else found["host"] + (f":{found['port']}" if found["port"] else "")
    url = f"{scheme}://{host}" + "/".join(quoted(part) for part in base.rstrip("/").split("/"))
    return _checked(OpenLocation(url, RemoteTree(files, base, url), only))


def _remote_path(files: AbstractFileSystem, found: re.Match[str], scheme: str) -> tuple[str, bool]:
    """The path as it is written, or else with its %-escapes resolved; and whether it is that of a file."""
    bucket = found["host"] if scheme == "s3" else ""
    for path in dict.fromkeys((found["path"] or "/", unquote(found["path"] or "/"))):
        full = (bucket + path).rstrip("/") or "/"
        try:
            return full, files.info(full)["type"] == "file"
        except FileNotFoundError:
            continue
        except Exception as error:
            raise SourceUnavailable(
                f"{shown_location(found[0])}: {_without_secrets(error, found)}. Check that you may read it."
            ) from error
    raise SourceUnavailable(f"{shown_location(found[0])} does not exist. Check the address, or that you may read it.")


def _checked(location: OpenLocation) -> OpenLocation:
    """The location, when its root can be listed."""
    try:
        names = {entry.name for entry in location.tree.entries("")}
    except UnreadableScene as error:
        raise SourceUnavailable(f"{location.url}: {error}. Check its permissions.") from error
    if location.only is not None and location.only not in names:
        raise SourceUnavailable(f"{location.url}/{quoted(location.only)} does not exist any more.")
    return location


def _without_secrets(error: Exception, found: re.Match[str]) -> str:
    text = f"{type(error).__name__}: {error}"
    written = [secret for secret in (found["password"], found["user"]) if secret]
    # Servers repeat what they refuse, some with another case.
    for secret in dict.fromkeys((*map(unquote, written), *written)):
        text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    return text


def _login(found: re.Match[str]) -> dict[str, Any]:
    login = {"username": found["user"], "password": found["password"]}
    given = {name: unquote(value) for name, value in login.items() if value}
    return given | ({"port": int(found["port"])} if found["port"] else {})


def _ftp(found: re.Match[str]) -> AbstractFileSystem:
    return fsspec.filesystem("ftp", host=found["host"].strip("[]"), timeout=_TIMEOUT_S, **_login(found))


def _sftp(found: re.Match[str]) -> AbstractFileSystem:
    login = {"timeout": _TIMEOUT_S, **_login(found)}
    return KnownHostsFileSystem(found["host"].strip("[]"), skip_instance_cache=True, **login)


def _s3(found: re.Match[str]) -> AbstractFileSystem:
    login = _login(found)
    keys = {"key": login.get("username"), "secret": login.get("password")}
    return fsspec.filesystem("s3", skip_instance_cache=True, **{name: key for name, key in keys.items() if key})


_CONNECT = {"ftp": _ftp, "sftp": _sftp, "s3": _s3}
