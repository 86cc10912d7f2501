"""What all readers of STAC documents share: their links, and what pystac raises over malformed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pystac import STACError, STACTypeError

#: pystac trusts a document, and raises whatever it stumbles on in a malformed one.
PYSTAC_FAULTS = (STACError, STACTypeError, AttributeError, LookupError, TypeError, ValueError)


def links_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The links of a document; what is no link, or is of no relation that could be known, is passed over."""
    links = document.get("links")
    links = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return [link for link in links if isinstance(link.get("rel"), str)]
