"""Strict reading of vendor XML."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from lxml import etree

from harvester.errors import UnreadableScene
from harvester.xml_documents import root_of

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024  #: SENSOR files with ephemeris and histograms reach a few megabytes

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
T = TypeVar("T")

_ABSENT = frozenset({"", "NA"})


def parse_document(data: bytes, name: str, limit_bytes: int = MAX_DOCUMENT_BYTES) -> DimapDocument:
    """The document in these bytes, in the encoding that it declares.

    Args:
        data: The file, undecoded.
        name: The file's name in messages: its path from the root of the source.
        limit_bytes: Larger documents are refused unread.

    Raises:
        UnreadableScene: When the document is empty, too large, not well-formed, not in the declared encoding, or
            declares a document type (and with it entities).
    """
    if not data.strip():
        raise UnreadableScene(f"{name}: the file is empty; deliver it again")
    if len(data) > limit_bytes:
        raise UnreadableScene(f"{name}: {len(data)} bytes of XML, more than the limit of {limit_bytes}")
    try:
        root = root_of(data)
    except ValueError as error:
        raise UnreadableScene(f"{name}: not well-formed or not safe XML ({error})") from error
    return DimapDocument(root, name)


class DimapDocument:
    """A DIMAP document, or one section of it, with strict access by path.

    Paths are relative to this section and exact (`Dataset_Content/CLOUD_COVERAGE`); nothing is searched below them, as
    DIMAP repeats names (LON is in the vertices and in the centre). A number or time that is not `required` and has an
    impossible value is treated as absent, and reported in `left_out`.
    """

    def __init__(
        self, element: etree._Element, name: str, location: str = "", left_out: dict[str, None] | None = None
    ) -> None:
        self.name = name  #: the file's name in messages
        self.left_out = {} if left_out is None else left_out  #: the reports, each once, of the whole document
        self._element = element
        self._location = location

    @property
    def tag(self) -> str:
        """Name of the element, with its namespace as `{uri}name`."""
        return str(self._element.tag)

    def where(self, path: str) -> str:
        """The path from the root of the document, for messages."""
        return "/".join(part for part in (self._location, path) if part)

    def text(self, path: str) -> str | None:
        """The text at a path; None where it is absent, empty or `NA`."""
        found = self._element.find(path)
        text = (found.text or "").strip() if found is not None else ""
        return None if text in _ABSENT else text

    def attribute(self, path: str, attribute: str) -> str | None:
        """An attribute of the element at a path; None where it is absent or empty."""
        found = self._element.find(path) if path else self._element
        text = found.get(attribute, "").strip() if found is not None else ""
        return text or None

    def required(self, path: str) -> str:
        """The text at a path that must have one.

        Raises:
            UnreadableScene: There is none; names the file and the path.
        """
        text = self.text(path)
        if text is None:
            raise UnreadableScene(f"{self.name}: {self.where(path)} is missing or empty")
        return text

    def number(self, path: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """The finite decimal number at a path, from low to high, or None."""
        return self._optional(path, lambda text: self._as_number(path, text, low, high))

    def required_number(self, path: str, low: float = -math.inf, high: float = math.inf) -> float:
        """As `number`, but mandatory.

        Raises:
            UnreadableScene: Naming the file, the path and the text that is no such number.
        """
        return self._as_number(path, self.required(path), low, high)

    def integer(self, path: str, low: int, high: int) -> int | None:
        """The whole number at a path, or None; `3.0` counts as 3."""
        return self._optional(path, lambda text: self._as_integer(path, self._as_number(path, text, low, high)))

    def required_integer(self, path: str, low: int, high: int) -> int:
        """As `integer`, but mandatory.

        Raises:
            UnreadableScene: Naming the file, the path and the text that is no such number.
        """
        return self._as_integer(path, self.required_number(path, low, high))

    def attribute_integer(self, path: str, attribute: str, low: int, high: int) -> int | None:
        """The whole number in an attribute of the element at a path, or None where it is absent.

        Raises:
            UnreadableScene: Naming the file, the path and the text that is no such number.
        """
        text = self.attribute(path, attribute)
        where = f"{path}@{attribute}"
        return None if text is None else self._as_integer(where, self._as_number(where, text, low, high))

    def position(self, path: str, prefix: str = "") -> tuple[float, float] | None:
        """Longitude (-180 to 360) and latitude in degrees below a path, or None where either is absent.

        Args:
            path: Path of the element that holds them.
            prefix: Prefix of the names LON and LAT there, such as `NADIR_`.
        """
        lon, lat = self.number(f"{path}/{prefix}LON", -180, 360), self.number(f"{path}/{prefix}LAT", -90, 90)
        return None if lon is None or lat is None else (lon, lat)

    def time(self, path: str) -> datetime | None:
        """The UTC time at a path, or None; a time without a zone is UTC."""
        return self._optional(path, lambda text: self.as_time(path, text))

    def as_time(self, path: str, text: str) -> datetime:
        """A text, found at or composed from a path, as a UTC time.

        Raises:
            UnreadableScene: Naming the file, the path and the text that is no ISO 8601 time.
        """
        if not _TIME.fullmatch(text):
            raise UnreadableScene(f"{self.name}: {self.where(path)} = {text!r} is not an ISO 8601 time")
        try:
            value = datetime.fromisoformat(text)
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UnreadableScene(f"{self.name}: {self.where(path)} = {text!r} is not a time ({error})") from error

    def section(self, path: str) -> DimapDocument | None:
        """The first element at a path, or None."""
        return next(iter(self.sections(path)), None)

    def sections(self, path: str) -> list[DimapDocument]:
        """All elements at a path, in document order, each counted from 1 in messages."""
        return [
            DimapDocument(element, self.name, f"{self.where(path)}[{position}]", self.left_out)
            for position, element in enumerate(self._element.findall(path), start=1)
        ]

    def elements(self) -> Iterator[etree._Element]:
        """Every element of this section, for documents with namespaces."""
        return self._element.iter()

    def problem(self, path: str, reason: str) -> UnreadableScene:
        """The refusal that names this file and this path."""
        return UnreadableScene(f"{self.name}: {self.where(path)} {reason}")

    def leave_out(self, problem: UnreadableScene) -> None:
        """Report that something was left out because of a problem."""
        self.left_out[f"{problem}, and was left out"] = None

    def _optional(self, path: str, read: Callable[[str], T]) -> T | None:
        text = self.text(path)
        try:
            return None if text is None else read(text)
        except UnreadableScene as problem:
            self.leave_out(problem)
            return None

    def _as_number(self, path: str, text: str, low: float, high: float) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            raise self.problem(path, f"= {text[:40]!r} is not a number")
        if not low <= value <= high:
            raise self.problem(path, f"= {text[:40]!r} is out of range ({low:g} to {high:g})")
        return value

    def _as_integer(self, path: str, value: float) -> int:
        if not value.is_integer():
            raise self.problem(path, f"= {value!r} is not a whole number")
        return int(value)
