"""The order of computed sets, and the tokens of their pages.

A token is the position of a page's last set in the order, so that sets may come and go between two pages.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from typing import Any

import orjson

from stac_api.errors import UnusableStereoSearch
from stac_api.stac_document import Document
from stac_api.stereo.parameters import SortKey


class SetOrder:
    """The order by some properties, then by id in the direction of the first; unknown values come last."""

    def __init__(self, keys: Sequence[SortKey]) -> None:
        self._keys = keys
        signs = [-1 if key.direction == "desc" else 1 for key in keys]
        self._signs = [*signs, *(signs[:1] or [1])]
        self._key = cmp_to_key(self._compared)

    def sorted(self, items: Sequence[Document]) -> list[Document]:
        """The Items in this order."""
        return sorted(items, key=lambda item: self._key(self._place(item)))

    def token(self, last: Document) -> str:
        """The token of the page after an Item."""
        return urlsafe_b64encode(orjson.dumps(self._place(last))).decode("ascii")

    def behind(self, token: str, items: Sequence[Document]) -> list[Document]:
        """The Items after the last one of the previous page.

        Raises:
            UnusableStereoSearch: the token is not one of this order.
        """
        try:
            place = orjson.loads(urlsafe_b64decode(token))
            return [item for item in items if self._compared(self._place(item), place) > 0]
        except (ValueError, TypeError) as error:
            raise UnusableStereoSearch("The token is not one of this search: begin again without it.") from error

    def _place(self, item: Mapping[str, Any]) -> list[Any]:
        return [*(_value(item, key.field) for key in self._keys), item["id"]]

    def _compared(self, a: Sequence[Any], b: Sequence[Any]) -> int:
        orders = (_compared(x, y, sign) for x, y, sign in zip(a, b, self._signs, strict=True))
        return next((order for order in orders if order), 0)


def _value(item: Mapping[str, Any], field: str) -> Any:
    name = field.removeprefix("properties.")
    return item["properties"][name] if name in item["properties"] else item.get(name)


def _compared(a: Any, b: Any, sign: int) -> int:
    if a is None or b is None:
        return (a is None) - (b is None)
    return sign * (int(a > b) - int(a < b))
