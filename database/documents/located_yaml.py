"""Reads YAML as plain JSON data, with the line and column of every value.

YAML 1.1 guesses: `no` is a boolean, `2012-01-01` a date, `12:30:00` the number 45000. Handwritten documents must not
depend on such guesses, so each is reported as a problem with its place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40

Place = tuple[str | int, ...]

_PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to fix in a document, and its place (line and column count from 1)."""

    file: Path
    line: int
    column: int
    message: str
    severity: str = "error"  #: "error", or "warning" for what works but is probably not meant

    @property
    def is_error(self) -> bool:
        """Whether the document cannot be used before this is fixed."""
        return self.severity == "error"

    def as_json(self) -> dict[str, Any]:
        """The problem as JSON data."""
        return {**vars(self), "file": str(self.file)}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


@dataclass
class LocatedDocument:
    """The data of one YAML file, with the places of its keys and values and the problems found while reading."""

    file: Path
    data: Any = None
    keys: dict[Place, tuple[int, int]] = field(default_factory=dict)  #: where the key (or list entry) begins
    values: dict[Place, tuple[int, int]] = field(default_factory=dict)  #: where the value begins
    problems: list[Problem] = field(default_factory=list)

    def report(self, position: tuple[int, int], message: str, severity: str = "error") -> None:
        """Add a problem at a line and column."""
        self.problems.append(Problem(self.file, *position, message, severity))

    def report_at(self, place: Place, message: str, severity: str = "error") -> None:
        """Add a problem at the nearest thing in the file along this path."""
        self.report(self.keys.get(self.nearest(place), (1, 1)), message, severity)

    def nearest(self, place: Place) -> Place:
        """The longest path in the file made of these steps; steps that the file does not have are skipped."""
        found: Place = ()
        for step in place:
            if (*found, step) in self.keys:
                found = (*found, step)
        return found


def read_located_yaml(file: Path) -> LocatedDocument:
    """Read one YAML file of at most 1 MiB; all that is wrong with it is in the problems of the result."""
    document = LocatedDocument(file)
    text = _text(document)
    if text is None or not _is_plain(document, text, loader := _loader_for(text)):
        return document
    node = yaml.compose(text, Loader=loader)
    if node is None:
        document.report((1, 1), "the file is empty: write the document, or remove the file")
        return document
    document.data = _value(document, node, ())
    return document


def _text(document: LocatedDocument) -> str | None:
    try:
        with document.file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        document.report((1, 1), f"the file cannot be read ({error.strerror}): check that it exists and its rights")
        return None
    if len(content) > MAX_BYTES:
        document.report((1, 1), f"the file is larger than {MAX_BYTES} bytes: a document is a few pages of text")
        return None
    return _decoded(document, content)


def _decoded(document: LocatedDocument, content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        position = (before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        document.report(position, f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8")
        return None


def _loader_for(text: str) -> Any:
    """The loader of libyaml, which is ten times as fast; the Python one for text that it refuses, to explain why."""
    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for _ in yaml.parse(text, Loader=quick):
            pass
    except yaml.YAMLError:
        return yaml.SafeLoader
    return quick


def _is_plain(document: LocatedDocument, text: str, loader: Any) -> bool:
    """Whether the text is one YAML document without anchors, aliases or endless nesting."""
    # Events are read without recursion: malicious nesting cannot exhaust the stack.
    depth = documents = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            complaint = _complaint(event, depth, documents)
            if complaint:
                document.report(_position(event.start_mark), complaint)
                return False
    except yaml.YAMLError as error:
        document.report(_error_position(error, text), f"this is not YAML: {_error_text(error)}")
        return False
    return True


def _complaint(event: Any, depth: int, documents: int) -> str | None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors (&) and aliases (*) are not allowed: write the value out"
    if depth > MAX_DEPTH:
        return f"more than {MAX_DEPTH} levels are nested here: check the indentation"
    if documents > 1:
        return "a second document begins here: write it in a file of its own"
    return None


def _error_position(error: yaml.YAMLError, text: str) -> tuple[int, int]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return _position(mark)
    index = getattr(error, "position", 0)  # that of a ReaderError: a control character
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _error_text(error: yaml.YAMLError) -> str:
    parts = (getattr(error, "context", None), getattr(error, "problem", None) or getattr(error, "reason", None))
    return ", ".join(str(part) for part in parts if part) + "; check indentation, colons and quotes"


def _position(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _value(document: LocatedDocument, node: yaml.Node, place: Place) -> Any:
    document.values[place] = _position(node.start_mark)
    document.keys.setdefault(place, document.values[place])
    if isinstance(node, yaml.MappingNode):
        return {key: _value(document, child, (*place, key)) for key, child in _entries(document, node, place)}
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, child, (*place, index)) for index, child in enumerate(node.value)]
    return _scalar(document, node)


def _entries(document: LocatedDocument, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
    for key_node, child in node.value:
        position = _position(key_node.start_mark)
        if key_node.tag != f"{_TAG}str":
            document.report(position, f"a key must be a text: write {_quoted(key_node)} in quotes")
        elif (*place, key_node.value) in document.values:
            first = document.keys[(*place, key_node.value)][0]
            document.report(position, f"the key {key_node.value!r} stands twice, first in line {first}: keep one")
        else:
            document.keys[(*place, key_node.value)] = position
            yield key_node.value, child


def _quoted(node: yaml.Node) -> str:
    return f'"{node.value}"' if isinstance(node, yaml.ScalarNode) else "it"


def _scalar(document: LocatedDocument, node: yaml.Node) -> Any:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if _UNSTORABLE.search(text):
        document.report(_position(node.start_mark), "the text holds a character that no catalogue can store: remove it")
        return _UNSTORABLE.sub("", text)
    read = _SCALARS.get(kind)
    try:
        if read is not None:
            return read(text)
    except ValueError:
        pass
    meaning = _GUESSES.get(kind, f"something special ({node.tag})")
    document.report(_position(node.start_mark), f'YAML reads {text} as {meaning}: write "{text}" in quotes')
    return text


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text] if text in ("true", "false") else _refuse(text)


def _integer(text: str) -> int:
    return int(text) if _PLAIN_INTEGER.fullmatch(text) else _refuse(text)


def _number(text: str) -> float:
    number = float(text.replace("_", "x"))
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)


_SCALARS: dict[str, Any] = {
    "str": str,
    "null": lambda _: None,
    "bool": _boolean,
    "int": _integer,
    "float": _number,
}

_GUESSES = {
    "bool": "a truth value (where one is meant, write true or false)",
    "int": "a number in an unusual notation",
    "float": "a number in an unusual notation",
    "timestamp": "a date",
    "merge": "a merge key",
}
