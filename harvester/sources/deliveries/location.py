"""From a path or URL, as the operator writes it, to a tree of files; credentials go no further than here."""

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

from harvester.credentials import Credentials
from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.sources.deliveries.addresses import IN_ARCHIVE, URL, expanded, shown_location
from harvester.sources.deliveries.file_tree import Tree
from harvester.sources.deliveries.local_tree import LocalTree
from harvester.sources.deliveries.remote_tree import RemoteTree, close_files
from harvester.sources.deliveries.ssh_files import KnownHostsFileSystem

#: Characters not escaped in the path of a URL; not "!", which ends the name of an archive.
_PLAIN = "$&'()*+,;=:@~"


@dataclass(frozen=True)
class _Server:
    """The server of a URL, and the login there."""

    scheme: str
    host: str
    port: int | None
    path: str  #: as written
    user: str | None
    password: str | None
    timeout_s: float
    written: tuple[str, ...]  #: what must not be shown, as written in the URL

    @property
    def shown(self) -> str:
        """The URL without credentials."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}{self.path}"

    def login(self, user: str, password: str) -> dict[str, Any]:
        """User and password under the parameter names of a file system, where known."""
        return {name: value for name, value in ((user, self.user), (password, self.password)) if value}

    def place(self) -> dict[str, Any]:
        """Host and port under the parameter names of file systems."""
        return {"host": self.host.strip("[]")} | ({"port": self.port} if self.port else {})


@dataclass(frozen=True)
class OpenLocation:
    """A location that has been opened."""

    url: str  #: of the root of the tree, without credentials and without a final "/"
    tree: Tree
    only: str | None  #: the one entry of the root that is wanted; None for all


def open_location(location: str, credentials: Credentials, timeout_s: float) -> OpenLocation:
    """Open a location of deliveries.

    Args:
        location: a local path, or a URL of `file`, `ftp`, `sftp` or `s3`; of a directory or of one file. An fsspec
            chain `zip::URL` or `tar::URL` is the same as the URL, because archives are read in place.
        credentials: user and password, or the two keys of an object store, unless the URL has them.
        timeout_s: how long to wait for a server.

    Raises:
        SourceUnavailable: When it does not exist, cannot be reached or cannot be read.
    """
    place = IN_ARCHIVE.sub("", location)
    if not place.strip():
        # An empty path would mean the working directory; mostly it comes from a variable that is not set.
        raise SourceUnavailable("The location is empty: give a path or URL, or a dot for the working directory.")
    found = URL.fullmatch(place)
    if found is None and "://" in place:
        raise SourceUnavailable("The URL cannot be read: write / and other signs in a password as %2F, %40…")
    if found is None:
        return _open_local(expanded(place))
    scheme = found["scheme"].lower()
    if scheme == "file":
        return _open_local(_path_of_file_url(found))
    if scheme not in _CONNECT:
        raise SourceUnavailable(f"{scheme}:// is not supported: give a path, or a file, ftp, sftp or s3 URL.")
    if not found["host"]:
        raise SourceUnavailable(f"{scheme}:// names no server or bucket: write ftp://host/out or s3://bucket/prefix.")
    return _open_remote(_CONNECT[scheme], _server(found, credentials, timeout_s))


def quoted(name: str) -> str:
    """One name, quoted for a URL."""
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
    # Resolved, so that the same files under another path make the same records.
    root = path.resolve().parent if is_file else path.resolve()
    url = "file://" + "/".join(quoted(part) for part in str(root).rstrip("/").split("/"))
    return _checked(OpenLocation(url, LocalTree(root), path.resolve().name if is_file else None))


def _server(found: re.Match[str], credentials: Credentials, timeout_s: float) -> _Server:
    user, password = (unquote(found[part]) if found[part] else None for part in ("user", "password"))
    # A password kept for one user is never sent for another.
    if password is None and credentials.password and user in (None, credentials.user or user):
        user, password = user or credentials.user, credentials.password.get_secret_value()
    return _Server(
        scheme="sftp" if found["scheme"].lower() == "ssh" else found["scheme"].lower(),
        host=found["host"],
        port=int(found["port"]) if found["port"] else None,
        path=found["path"] or "",
        user=user or credentials.user,
        password=password,
        timeout_s=timeout_s,
        written=tuple(secret for secret in (found["password"], found["user"]) if secret),
    )


def _open_remote(connect: Callable[[_Server], AbstractFileSystem], server: _Server) -> OpenLocation:
    try:
        files = connect(server)
    except paramiko.BadHostKeyException as error:
        raise SourceUnavailable(
            f"{server.shown}: the server's key is not the one in known_hosts. Ask its operator."
        ) from error
    # Each protocol's library has an exception tree of its own; their texts may repeat what we sent,
    # so none of them is chained.
    except Exception as error:
        raise SourceUnavailable(
            f"{server.shown}: {_without_secrets(error, server)}. Check the address, the network, the user name and"
            " password, and for sftp that the server's key is in known_hosts (ssh-keyscan)."
        ) from None
    try:
        return _remote_root(files, server)
    except BaseException:
        close_files(files)
        raise


def _remote_root(files: AbstractFileSystem, server: _Server) -> OpenLocation:
    path, is_file = _remote_path(files, server)
    base, only = (path.rpartition("/")[0], path.rpartition("/")[2]) if is_file else (path, None)
    host = "" if server.scheme == "s3" else server.host + (f":{server.port}" if server.port else "")
    url = f"{server.scheme}://{host}" + "/".join(quoted(part) for part in base.rstrip("/").split("/"))
    return _checked(OpenLocation(url, RemoteTree(files, base, url), only))


def _remote_path(files: AbstractFileSystem, server: _Server) -> tuple[str, bool]:
    """The path as written, or else with its %-escapes decoded; and whether it is a file."""
    bucket = server.host if server.scheme == "s3" else ""
    for path in dict.fromkeys((server.path or "/", unquote(server.path or "/"))):
        full = (bucket + path).rstrip("/") or "/"
        try:
            return full, files.info(full)["type"] == "file"
        except FileNotFoundError:
            continue
        except Exception as error:
            raise SourceUnavailable(
                f"{server.shown}: {_without_secrets(error, server)}. Check that you may read it, and its user and"
                " password, which of s3 are two keys."
            ) from error
    raise SourceUnavailable(f"{server.shown} does not exist. Check the address, or that you may read it.")


def _checked(location: OpenLocation) -> OpenLocation:
    """The location, after checking that its root can be listed."""
    try:
        names = {entry.name for entry in location.tree.entries("")}
    except UnreadableScene as error:
        raise SourceUnavailable(f"{location.url}: {error}. Check its permissions.") from error
    if location.only is not None and location.only not in names:
        raise SourceUnavailable(f"{location.url}/{quoted(location.only)} does not exist any more.")
    return location


def _without_secrets(error: Exception, server: _Server) -> str:
    text = f"{type(error).__name__}: {error}"
    plain = [secret for secret in (server.password, server.user) if secret]
    # Servers repeat what they refuse, some in another case.
    for secret in dict.fromkeys((*plain, *server.written)):
        text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    return text


def _ftp(server: _Server) -> AbstractFileSystem:
    return fsspec.filesystem(
        "ftp",
        skip_instance_cache=True,
        timeout=server.timeout_s,
        **server.place(),
        **server.login("username", "password"),
    )


def _sftp(server: _Server) -> AbstractFileSystem:
    login = {"timeout": server.timeout_s, **server.login("username", "password")}
    return KnownHostsFileSystem(**server.place(), skip_instance_cache=True, **login)


def _s3(server: _Server) -> AbstractFileSystem:
    return fsspec.filesystem("s3", skip_instance_cache=True, **server.login("key", "secret"))


_CONNECT = {"ftp": _ftp, "sftp": _sftp, "ssh": _sftp, "s3": _s3}
