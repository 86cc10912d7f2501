"""Strict reading of a service's records: each field by name; what is left over or unusable is reported."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from footprints import azimuth_in_circle
from harvester.errors import UnreadableScene
from harvester.instants import rfc3339
from harvester.items.checks import LARGEST_WHOLE

_MISSING = object()
#: A time as PostgreSQL reads it too, whose zones end at 15:59.
_USUAL_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-9]{2})?)?"
)


class Fields:
    """The fields of one JSON object of a record; each is taken once, by name.

    A field that is absent, null or an empty text is not given. A mandatory field with an impossible value refuses the
    record; one with a default is left out, and `close` reports it.
    """

    def __init__(self, content: Any, where: str = "", unusable: list[str] | None = None) -> None:
        """Read `content`, found at `where` in its record (for messages).

        Args:
            content: the object.
            where: its place.
            unusable: list of complaints, shared with the enclosing object.

        Raises:
            UnreadableScene: It is not an object.
        """
        if not isinstance(content, Mapping):
            raise UnreadableScene(f"{where or 'the record'} is not an object but {_shown(content)}")
        self._content = content
        self._where = where
        self._unusable = [] if unusable is None else unusable
        self._left = {name for name, value in content.items() if value is not None and value != ""}

    def has(self, name: str) -> bool:
        """Whether the source gives this field, taken already or not."""
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
        """A text; a number is not accepted as one.

        Raises:
            UnreadableScene: It is absent, or none, and there is no default.
        """
        value = self.take(name, default)
        if value is default or isinstance(value, str):
            return value
        return self._instead(default, f"{self._path(name)} is not a text but {_shown(value)}")

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of an optional list, or a single one; other values are reported."""
        value = self.take(name, [])
        values = value if isinstance(value, list) else [value]
        found = tuple(text for text in values if isinstance(text, str) and text)
        if len(found) < len(values):
            self.leave_out(f"{self._path(name)} is not all texts but {_shown(value)}")
        return found

    def one_of(self, name: str, values: Collection[str], default: Any = _MISSING) -> Any:
        """A text that is one of these.

        Raises:
            UnreadableScene: It is absent, or none of them, and there is no default.
        """
        value = self.text(name, default)
        if value is default or value in values:
            return value
        return self._instead(default, f"{self._path(name)} is none of {', '.join(values)} but {_shown(value)}")

    def number(self, name: str, default: Any = _MISSING, within: tuple[float, float] = (-math.inf, math.inf)) -> Any:
        """A finite number within bounds, also where the source writes it as a text.

        Raises:
            UnreadableScene: It is absent, or none, and there is no default.
        """
        value = self.take(name, default)
        if value is default:
            return default
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            return self._instead(default, f"{self._path(name)} is not a number but {_shown(value)}")
        if not within[0] <= number <= within[1]:
            # Services write -1 or 999 for unknown values.
            return self._instead(default, f"{self._path(name)} is {number:g}, out of its range")
        return number

    def whole(self, name: str, within: tuple[float, float]) -> int | None:
        """An optional whole number within bounds, such as that of an orbit; `3.0` counts as 3."""
        number: float | None = self.number(name, None, within)
        if number is not None and not number.is_integer():
            self.leave_out(f"{self._path(name)} is not a whole number but {number:g}")
            return None
        return None if number is None else int(number)

    def azimuth(self, name: str) -> float | None:
        """An azimuth in degrees from 0 to below 360, also where the source writes it one turn off."""
        azimuth: float | None = self.number(name, None, within=(-360, 720))
        return None if azimuth is None else azimuth_in_circle(azimuth)

    def instant(self, name: str, default: Any = _MISSING, *, naive_is_utc: bool = True) -> Any:
        """A time in UTC, from ISO 8601 text with any number of decimals.

        Raises:
            UnreadableScene: It is absent, or none, and there is no default.
        """
        value = self.take(name, default)
        if value is default:
            return default
        try:
            return instant(value, self._path(name), naive_is_utc=naive_is_utc)
        except UnreadableScene as error:
            # Without the time itself, which differs between records: warnings are counted by their text.
            return self._instead(default, f"{self._path(name)} is not a time", error)

    def time(self, name: str) -> str | None:
        """An optional time as the source writes it, if it is readable; by RFC 3339 where it is written otherwise.

        PostgreSQL cannot read all that ISO 8601 allows, and one such time would break every search by its property.
        """
        moment: datetime | None = self.instant(name, None)
        if moment is None:
            return None
        said = str(self._content[name])
        return said if _USUAL_TIME.fullmatch(said) else rfc3339(moment)

    def of_type(self, name: str, schema: Mapping[str, Any]) -> Any:
        """An optional value, checked against the type in the JSON Schema of its property where that is a simple one.

        A wrong type would break every search that filters by the property, for everybody.
        """
        if schema.get("format") == "date-time":
            return self.time(name)
        if schema.get("type") == "integer":
            return self.whole(name, (schema.get("minimum", -LARGEST_WHOLE), schema.get("maximum", LARGEST_WHOLE)))
        if schema.get("type") == "number":
            bounds = (schema.get("minimum", -math.inf), schema.get("maximum", math.inf))
            number = self.number(name, None, bounds)
            return number if number is None or isinstance(self._content[name], str) else self._content[name]
        value = self.take(name, None)
        if value is None or schema.get("type") != "boolean" or isinstance(value, bool):
            return value
        return self._instead(None, f"{self._path(name)} is neither true nor false but {_shown(value)}")

    def section(self, name: str) -> Fields:
        """An object inside this one; empty where there is none, or something else, which is reported."""
        content = self.take(name, {})
        return Fields(content if self._is_object(content, self._path(name)) else {}, self._path(name), self._unusable)

    def objects(self, name: str) -> dict[str, Fields]:
        """The objects in a list or an object inside this one, by number or name; other values are reported."""
        content, where = self.take(name, []), self._path(name)
        if not isinstance(content, list | Mapping):
            self.leave_out(f"{where} is neither a list nor an object but {_shown(content)}")
            content = []
        named = content.items() if isinstance(content, Mapping) else enumerate(content)
        return {
            str(key): Fields(each, f"{where}.{key}", self._unusable)
            for key, each in named
            if self._is_object(each, f"{where}.{key}")
        }

    def leave_out(self, complaint: str) -> None:
        """Make `close` report that something was left out, and why."""
        self._unusable.append(f"{complaint}, and was left out")

    def left_over(self, ignored: Collection[str] = ()) -> Iterator[str]:
        """The places of the fields that were neither taken nor ignored, sorted."""
        return (self._path(name) for name in sorted(self._left - set(ignored)))

    def close(self, ignored: Collection[str] = ()) -> tuple[str, ...]:
        """Warnings for `SceneRecord.warnings`: one for each field left out, and one that names all that is left over.

        What was left out is reported once, by whichever of this and the enclosing objects is closed first.
        """
        told, left = list(dict.fromkeys(self._unusable)), list(self.left_over(ignored))
        self._unusable.clear()
        return (*told, *([f"fields not known to the reader: {', '.join(left)}"] if left else []))

    def _is_object(self, content: Any, where: str) -> bool:
        if isinstance(content, Mapping):
            return True
        self.leave_out(f"{where} is not an object but {_shown(content)}")
        return False

    def _instead(self, default: Any, complaint: str, error: UnreadableScene | None = None) -> Any:
        """The default of a field with an impossible value.

        Raises:
            UnreadableScene: It has no default.
        """
        if default is _MISSING:
            raise error or UnreadableScene(complaint)
        self.leave_out(complaint)
        return default

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name


def instant(value: Any, where: str, *, naive_is_utc: bool = True) -> datetime:
    """A time in UTC, from ISO 8601 text.

    Raises:
        UnreadableScene: It is not a time, or has no zone although one is required.
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


def _moment(text: object) -> datetime:
    if not isinstance(text, str):
        raise TypeError(f"no text, but of the type {type(text).__name__}")
    if text[10:11] in ("+", "-"):
        raise ValueError("the zone of a day, which Python would take for a time of that day")
    return datetime.fromisoformat(text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
