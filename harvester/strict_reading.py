"""Reading what a service says strictly: each field by its name, and what is left over is told."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from harvester.errors import UnreadableScene

_MISSING = object()


class Fields:
    """The fields of one JSON object of a record; each is taken once, by name.

    A field that is absent, null or an empty text is the same: the source does not say it.
    """

    def __init__(self, content: Any, where: str = "") -> None:
        """Read `content`, which stands at `where` in its record (for messages).

        Raises:
            UnreadableScene: It is not an object.
        """
        if not isinstance(content, Mapping):
            raise UnreadableScene(f"{where or 'the record'} is not an object but {_shown(content)}")
        self._content = content
        self._where = where
        self._left = {name for name, value in content.items() if value is not None and value != ""}

    def has(self, name: str) -> bool:
        """Whether the source says this, taken already or not."""
        return self._content.get(name) not in (None, "")

    def take(self, name: str, default: Any = _MISSING) -> Any:
        """The value as it is.

        Raises:
            UnreadableScene: It is absent and there is no default.
        """
        self._left.discard(name)
        value = self._content.get(name)
        if value is not None and value != "":
            return value
        if default is _MISSING:
            raise UnreadableScene(f"{self._path(name)} is missing")
        return default

    def text(self, name: str, default: Any = _MISSING) -> Any:
        """A text; numbers are not taken for texts."""
        value = self.take(name, default)
        if value is not default and not isinstance(value, str):
            raise UnreadableScene(f"{self._path(name)} is not a text but {_shown(value)}")
        return value

    def number(self, name: str, default: Any = _MISSING) -> Any:
        """A finite number, also where the source writes it as a text."""
        value = self.take(name, default)
        if value is default:
            return default
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise UnreadableScene(f"{self._path(name)} is not a number but {_shown(value)}")
        return number

    def instant(self, name: str, default: Any = _MISSING, *, naive_is_utc: bool = True) -> Any:
        """A time in UTC, from ISO 8601 text with any number of decimals."""
        value = self.take(name, default)
        return value if value is default else instant(value, self._path(name), naive_is_utc=naive_is_utc)

    def section(self, name: str) -> Fields:
        """An object inside this one; empty where the source has none."""
        return Fields(self.take(name, {}), self._path(name))

    def left_over(self, ignored: Collection[str] = ()) -> Iterator[str]:
        """The places of the fields that were neither taken nor are known to be of no use, sorted."""
        return (self._path(name) for name in sorted(self._left - set(ignored)))

    def close(self, ignored: Collection[str] = ()) -> tuple[str, ...]:
        """A warning that names what is left over; none when everything was read. For `SceneRecord.warnings`."""
        left = list(self.left_over(ignored))
        return (f"fields not known to the reader: {', '.join(left)}",) if left else ()

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name


def instant(value: Any, where: str, *, naive_is_utc: bool = True) -> datetime:
    """A time in UTC, from ISO 8601 text.

    Raises:
        UnreadableScene: It is none, or has no zone where that is asked for.
    """
    try:
        moment = _moment(value)
    except (TypeError, ValueError) as error:
        raise UnreadableScene(f"{where} is not a time but {_shown(value)}") from error
    if moment.tzinfo is None:
        if not naive_is_utc:
            raise UnreadableScene(f"{where} has no time zone: {_shown(value)}")
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # an offset at the edge of the calendar
        raise UnreadableScene(f"{where} is not a time but {_shown(value)}") from error


def _moment(text: str) -> datetime:
    if text[10:11] in ("+", "-"):
        raise ValueError("the zone of a day, which Python would take for a time of that day")
    return datetime.fromisoformat(text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
