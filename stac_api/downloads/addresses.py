"""Addresses of assets as sent by clients: only our own are accepted."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from stac_api.downloads.signatures import PARAMETERS, AssetName

_ROUTE = "assets/"


def asset_named_by(address: str, base_url: str) -> AssetName | None:
    """The asset of an absolute address; None if it is not that of an asset of this server.

    Args:
        address: As a client gives it. A signature in it is ignored, so that it can be renewed.
        base_url: Of the API, with its final slash: scheme, host and path must be the same.
    """
    try:
        given, own = urlsplit(address), urlsplit(base_url)
        names = {name for name, _ in parse_qsl(given.query, keep_blank_values=True, strict_parsing=bool(given.query))}
    except ValueError:
        return None
    is_own = (given.scheme, given.netloc.lower()) == (own.scheme, own.netloc.lower())
    prefix = own.path + _ROUTE
    if not is_own or given.fragment or not names <= set(PARAMETERS) or not given.path.startswith(prefix):
        return None
    return _asset_of(given.path.removeprefix(prefix))


def _asset_of(path: str) -> AssetName | None:
    parts = [unquote(part, errors="strict") for part in path.split("/")] if _is_utf8(path) else []
    # Parts that the route would not match, or that clients would normalise away.
    if len(parts) != 3 or any(part in ("", ".", "..") or "/" in part for part in parts):
        return None
    collection, item, key = parts
    return AssetName(collection=collection, item=item, key=key)


def _is_utf8(path: str) -> bool:
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return True
