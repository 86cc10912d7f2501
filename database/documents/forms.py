"""Texts of a certain form, such as names: who writes another is told in words what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True)
class Form:
    """Marks a text as one that matches a pattern, which stands in the JSON Schema; the refusal has `words` instead."""

    pattern: str
    words: str  #: what to write, without braces

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """The validation of the text."""
        return core_schema.no_info_wrap_validator_function(self._matching, core_schema.str_schema(pattern=self.pattern))

    def _matching(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if error.errors()[0]["type"] != "string_pattern_mismatch":
                raise
            raise PydanticCustomError("form", "write {words}", {"words": self.words}) from error
