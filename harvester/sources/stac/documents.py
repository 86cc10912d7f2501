"""What all readers of STAC documents share: links, and the exceptions of pystac on malformed documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pystac import STACError, STACTypeError

#: pystac trusts documents, and raises whatever results from a malformed one.
PYSTAC_FAULTS = (STACError, STACTypeError, AttributeError, LookupError, TypeError, ValueError)


def links_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The links of a document; malformed ones, and those without a usable relation, are skipped."""
    links = document.get("links")
    links = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return [link for link in links if isinstance(link.get("rel"), str)]
