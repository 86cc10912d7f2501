"""Where reading continues, perhaps in another process."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from harvester.errors import CursorLost


class ResumablePosition(BaseModel):
    """What is read next; a cursor holds all of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        """The position that a cursor stands for.

        Raises:
            CursorLost: it is not one of this source, or of another release.
        """
        try:
            return cls.model_validate_json(cursor)
        except ValidationError as error:
            raise CursorLost(f"Its cursor {cursor[:80]!r} is not understood.") from error

    def cursor(self) -> str:
        """The position as text."""
        return self.model_dump_json()
