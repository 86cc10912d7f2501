"""STAC documents as the server handles them: JSON data, of which each module knows a few members."""

from __future__ import annotations

from typing import Any

#: An Item, a Collection, a page of them, or a part of one such as a link; whole, or what a Fields request left of it.
Document = dict[str, Any]
