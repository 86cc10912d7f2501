"""The mistakes in handwritten documents, each with its place and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from database.documents.located_yaml import LocatedDocument, Place, Problem

Model = TypeVar("Model", bound=BaseModel)

#: A longer list of possible keys helps nobody.
_MANY = 15


def validated(located: LocatedDocument, model: type[Model]) -> Model | None:
    """The document as an instance of the model; None if it does not fit, with its mistakes added to the problems."""
    if located.data is None and located.problems:
        return None
    try:
        return model.model_validate(located.data)
    except ValidationError as error:
        _report_invalid(located, error, model)
        return None


def explained(problems: Iterable[Problem]) -> str:
    """One line for each problem, sorted by file and line."""
    return "\n".join(str(problem) for problem in sorted(problems))


def dotted(place: Place) -> str:
    """A place in dotted notation: `stac.providers[0].name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suffix for a complaint about a word: the most similar known one, or all known ones if they are few."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(known)}" if 0 < len(known) <= _MANY else ""


def _report_invalid(located: LocatedDocument, error: ValidationError, model: type[BaseModel]) -> None:
    explained = {problem.line for problem in located.problems}
    for detail in error.errors(include_url=False):
        place = located.nearest(detail["loc"])
        if located.keys.get(place, (1, 1))[0] in explained:  # fixing what YAML misread fixes this too
            continue
        message = _message(detail["type"], detail["loc"], detail["msg"], detail["input"], model)
        located.report_at(place, f"{dotted(place)}: {message}" if place else message)


def _message(kind: str, place: Place, message: str, value: Any, model: type[BaseModel]) -> str:
    """What is wrong and how to fix it, for one error of pydantic."""
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(str(place[-1]), _known_keys(model, place[:-1]))}"
    if kind == "missing":
        return f"the key {str(place[-1])!r} is missing: add it"
    return advice(kind, message, value)


def advice(kind: str, message: str, value: Any) -> str:
    """How to mend a value that a model does not take, for the type and message of an error of pydantic."""
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    hint = next((hint for beginning, hint in _HINTS.items() if kind.startswith(beginning)), None)
    if hint:
        return hint
    suggestion = did_you_mean(str(value), re.findall(r"'([^']*)'", message)) if kind == "literal_error" else ""
    return f"{message[:1].lower()}{message[1:]}, not {_shown(value)}{suggestion}"


_HINTS = {
    "string_type": "write a text here, in quotes if it looks like a number",
    "list_type": "write a list here: each entry on its own line after a dash",
    "tuple_type": "write a list here: each entry on its own line after a dash",
    "mapping_type": "write keys and their values here, indented below",
    "dict_type": "write keys and their values here, indented below",
    "model_type": "write keys and their values here, indented below",
    "float_": "write a number here, without quotes and unit",
    "int_": "write a whole number here, without quotes and unit",
    "bool_": "write true or false here",
    "string_too_short": "the text is empty: write it",
}


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _known_keys(model: type[BaseModel], place: Place) -> set[str]:
    """The keys that the model allows at a place in the document."""
    schema = model.model_json_schema(by_alias=True)
    candidates = [schema]
    for step in place:
        candidates = [child for candidate in candidates for child in _children(candidate, step, schema)] or candidates
    return {key for candidate in candidates for key in candidate.get("properties", ())}


def _children(candidate: Mapping[str, Any], step: str | int, root: Mapping[str, Any]) -> list[Any]:
    found = candidate.get("properties", {}).get(step)
    found = found or (candidate.get("items") if isinstance(step, int) else _any_value(candidate))
    return _alternatives(found, root) if isinstance(found, dict) else []


def _any_value(candidate: Mapping[str, Any]) -> Any:
    """The schema of the values of a mapping with free keys, or keys that only have to match a pattern."""
    return candidate.get("additionalProperties") or next(iter(candidate.get("patternProperties", {}).values()), None)


def _alternatives(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Any]:
    if "$ref" in schema:
        return _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    options = schema.get("anyOf") or schema.get("oneOf")
    return [leaf for option in options for leaf in _alternatives(option, root)] if options else [schema]
