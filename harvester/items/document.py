"""An Item as JSON data: what is built, checked and stored is the same document."""

from __future__ import annotations

from typing import Any

#: With the key `private` while it is written: pgSTAC keeps that apart, where no reader sees it.
ItemDocument = dict[str, Any]
