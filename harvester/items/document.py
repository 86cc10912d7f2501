"""An Item as JSON data: the same document is built, checked and stored."""

from __future__ import annotations

from typing import Any

#: It has the key `private` while being written: pgSTAC stores that apart, where no reader sees it.
ItemDocument = dict[str, Any]
