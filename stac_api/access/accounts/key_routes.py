"""The caller's own API keys: `/me/api-keys`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from database.statements import statements
from stac_api.access.accounts.callers import AccountHolder, personal
from stac_api.access.credentials.api_keys import new_key
from stac_api.access.principal import Principal, Scope
from stac_api.errors import HTTPProblem

_CREATE, _REVOKE = statements("stac_api.access", "create_own_key", "revoke_own_key")

LONGEST_LIFE_DAYS = 366
MOST_KEYS = 20


class KeyFromKey(HTTPProblem):
    """An API key cannot make API keys: log in and send a bearer token."""

    code = "KeyFromKey"


class TooManyKeys(HTTPProblem):
    """You have as many API keys as one person may have: revoke one first."""

    code = "TooManyKeys"


class KeyWanted(BaseModel):
    """What a new key is for."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field("", max_length=100, description="Where it is used, to know it by later.")
    scopes: frozenset[Scope] = Field(
        frozenset({Scope.READ, Scope.DOWNLOAD}),
        min_length=1,
        description="What it opens: `read`, `download`, and `account` for what is one's own.",
    )
    days: int = Field(180, ge=1, le=LONGEST_LIFE_DAYS, description="How long it is good for, in days.")


class Key(BaseModel):
    """An API key, without its secret."""

    id: str
    label: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = Field(None, description="To the minute.")


class NewKey(Key):
    """An API key that was just created: the secret is only shown now."""

    secret: str = Field(description="The password, with the id as the user, for HTTP Basic: QGIS, GDAL.")
    key: str = Field(description="Both in one, for the header X-API-Key.")


class Keys(BaseModel):
    """The caller's keys, the newest first."""

    keys: list[Key]


router = APIRouter(prefix="/me/api-keys", tags=["Account"], dependencies=[Depends(personal)])


async def _logged_in_himself(caller: AccountHolder) -> Principal:
    if caller.credential != "bearer":
        raise KeyFromKey
    return caller


@router.get("", summary="The caller's API keys")
async def own_keys(request: Request, caller: AccountHolder) -> Keys:
    """The present and former keys of the caller."""
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(
            "SELECT id, label, scopes, created_at, expires_at, revoked_at, last_used_at FROM dinamis.api_key "
            "WHERE person = $1 ORDER BY created_at DESC",
            caller.person,
        )
    return Keys(keys=[Key.model_validate(dict(row)) for row in rows])


@router.post("", status_code=201, summary="A new API key; its secret is shown this once")
async def create_key(
    request: Request, wanted: KeyWanted, caller: Annotated[Principal, Depends(_logged_in_himself)]
) -> NewKey:
    """Create a key.

    Raises:
        KeyFromKey: the request came with a key.
        TooManyKeys: the caller already has twenty valid keys.
    """
    key = new_key()
    expires_at = datetime.now(UTC) + timedelta(days=wanted.days)
    async with request.app.state.get_connection(request, "r") as connection:
        row: dict[str, Any] | None = await connection.fetchrow(
            _CREATE, caller.person, key.id, key.digest, sorted(wanted.scopes), wanted.label, expires_at, MOST_KEYS
        )
    if row is None:
        raise TooManyKeys
    return NewKey.model_validate({**dict(row), "secret": key.secret, "key": str(key)})


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke_key(
    request: Request, key_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$")], caller: AccountHolder
) -> None:
    """Revoke a key, with effect from the next request.

    Raises:
        HTTPException: 404, the caller has no such key.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        if await connection.fetchval(_REVOKE, caller.person, key_id) is None:
            raise HTTPException(404, "You have no such API key.")
