"""Assets as the gateway sees them: where the copies of a file are stored, and what decides who may have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from database.statements import statement
from stac_api.access.authorize import Action, Resource
from stac_api.downloads.signatures import AssetName

HELD_ASSETS = statement("stac_api.downloads", "held_assets")

OCTETS = "application/octet-stream"

#: The action that must be allowed to have an asset, by its roles; the first match applies.
_ACTIONS_OF_ROLES = (
    ("data", Action.DOWNLOAD),
    ("thumbnail", Action.VIEW),
    ("overview", Action.PREVIEW),
    ("graphic", Action.PREVIEW),
    ("metadata", Action.PREVIEW),
)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Where one copy of a file is stored, as the harvester wrote it with the Item."""

    root: str  #: URL of the source, without credentials: `file:///archive`, `s3://bucket/deliveries`
    path: str  #: below the root, "/" separated; `delivery.zip!/IMG/x.TIF` for a member of an archive
    media_type: str = OCTETS


@dataclass(frozen=True, kw_only=True)
class HeldAsset:
    """One asset of one Item."""

    name: AssetName
    copies: Sequence[Copy]  #: the preferred one first; empty for an asset that another server publishes
    href: str | None  #: as in the Item
    action: Action  #: the action that must be allowed
    resource: Resource


async def held_assets(request: Request, names: Sequence[AssetName | None]) -> list[HeldAsset | None]:
    """The assets with these names, in order; None for missing ones, and where there is no name."""
    asked = [each if each and _is_storable(each) else _NO_ASSET for each in names]
    columns = ([each.collection for each in asked], [each.item for each in asked], [each.key for each in asked])
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(HELD_ASSETS, *columns)
    found = {row["number"] - 1: _held_asset(asked[row["number"] - 1], row) for row in rows}
    return [found.get(number) for number in range(len(names))]


_NO_ASSET = AssetName(collection="", item="", key="")


def _is_storable(name: AssetName) -> bool:
    # PostgreSQL texts have no NUL, so no id has one.
    return "\x00" not in name.collection + name.item + name.key


def _held_asset(name: AssetName, row: Mapping[str, Any]) -> HeldAsset:
    return HeldAsset(
        name=name,
        copies=[
            Copy(root=each["root"], path=each["path"], media_type=each.get("media_type") or OCTETS)
            for each in row["copies"] or ()
        ],
        href=row["href"],
        action=action_of(row["roles"]),
        resource=Resource.of_item(name.collection, row["view_collections"], row["geometry"]),
    )


def action_of(roles: Any) -> Action:
    """The action that must be allowed to have an asset with these roles; without roles it counts as an image."""
    known = roles if isinstance(roles, list) else ()
    return next((action for role, action in _ACTIONS_OF_ROLES if role in known), Action.DOWNLOAD)
