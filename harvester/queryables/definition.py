"""How a property is defined: its JSON Schema, and its words in French and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_LANGUAGE = "fr"

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
TIME: Schema = {"type": "string", "format": "date-time"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
POSITIVE: Schema = {"type": "number", "minimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
TILT: Schema = {"type": "number", "minimum": 0, "maximum": 90}
SIGNED_TILT: Schema = {"type": "number", "minimum": -90, "maximum": 90}
COMPASS: Schema = {"type": "number", "minimum": 0, "maximum": 360}
ORBIT: Schema = {"type": "integer", "minimum": 1}


@dataclass(frozen=True)
class Words:
    """Title and description of one property in one language."""

    title: str
    description: str = ""


@dataclass(frozen=True)
class PropertyDefinition:
    """One property: its JSON Schema and its words by language code."""

    schema: Schema
    words: Mapping[str, Words]

    def fragment(self, language: str = DEFAULT_LANGUAGE) -> dict[str, Any]:
        """The JSON Schema with title and description, in French if the language is missing."""
        words = self.words.get(language, self.words[DEFAULT_LANGUAGE])
        described = {"title": words.title, "description": words.description}
        return {key: text for key, text in described.items() if text} | dict(self.schema)


Definitions = Mapping[str, PropertyDefinition]  #: by the name of the property


def property_of(schema: Schema, french: Words, english: Words, reference: str | None = None) -> PropertyDefinition:
    """The definition of a property.

    Args:
        schema: Its JSON Schema.
        french: Its words in French.
        english: Its words in English.
        reference: Address of its schema in the standard; becomes `$ref`.
    """
    link = {"$ref": reference} if reference else {}
    return PropertyDefinition({**link, **schema}, {"fr": french, "en": english})
