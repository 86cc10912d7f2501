"""Licences by version: a text, and its digest, which signatures refer to. The text of a version never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from psycopg import Connection
from pydantic import Field

from database.statements import statement
from stac_api.access.errors import RulesRefused
from stac_api.access.policy import Identifier, RuleDocument

PUBLISH = statement("stac_api.access", "publish_licence")


class Licence(RuleDocument):
    """A version of a licence."""

    id: Identifier
    version: Annotated[int, Field(ge=1)]
    kind: Literal["open", "click", "signed"] = Field(
        description="open: nothing to do; click: accepted with a tick; signed: by a member, for its entity."
    )
    title: Annotated[str, Field(min_length=1)]
    spdx: str | None = Field(None, description="Its SPDX identifier, where it has one.")
    href: str = Field(description="Where the institution, or whoever made the licence, speaks of it.")
    text: Annotated[str, Field(min_length=1)]

    @property
    def digest(self) -> str:
        """SHA-256 of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def publish(connection: Connection[Any], licences: Iterable[Licence]) -> list[Licence]:
    """Store licences in the database; those already there stay.

    Args:
        connection: As the owner of the database.
        licences: The licences.

    Returns:
        The new ones.

    Raises:
        RulesRefused: the version exists with another text.
    """
    return [each for each in licences if _is_new(connection, each)]


def _is_new(connection: Connection[Any], licence: Licence) -> bool:
    row = connection.execute(PUBLISH, {**licence.model_dump(), "digest": licence.digest}).fetchone()
    is_new, digest = row or (False, None)
    if digest != licence.digest:
        raise RulesRefused(
            f"The text of {licence.id} version {licence.version} is published and may have been signed: "
            f"write the new text as version {licence.version + 1}."
        )
    return bool(is_new)
