"""The record of downloads: who got which image, by which rule and licence. Nothing in it is ever changed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request

from database.statements import statement
from stac_api.access.authorize import Decision
from stac_api.access.policy import Category
from stac_api.access.principal import Principal
from stac_api.downloads.signatures import AssetName

RECORD_DOWNLOAD = statement("stac_api.downloads", "record_download")

#: GDAL reads an image in hundreds of ranges: those of one caller within this time are one download.
ONE_DOWNLOAD = timedelta(minutes=10)

#: How many callers and files one process remembers.
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, kw_only=True)
class DownloadEvent:
    """One image about to be sent."""

    principal: Principal
    decision: Decision
    asset: AssetName
    bytes: int | None  #: of the file, if it is sent whole
    grant: str | None  #: the jti of the signature in the request
    network: str

    @property
    def one_download(self) -> Hashable:
        """A key shared by requests that are recorded as one download."""
        caller = self.principal.pseudonym or self.network
        return caller, self.grant, self.asset


class DownloadRecord:
    """The record of downloads, as written by one process."""

    def __init__(self) -> None:
        # The database decides for all processes; this saves asking it for every range.
        self._recent: OrderedDict[Hashable, float] = OrderedDict()
        self._writing = asyncio.Lock()

    async def add(self, request: Request, event: DownloadEvent) -> None:
        """Record an event, unless its download is already recorded; without this nothing is sent."""
        if self._has(event):
            return
        # Clients read several ranges in parallel from the start.
        async with self._writing:
            if not self._has(event):
                async with request.app.state.get_connection(request, "r") as connection:
                    await connection.execute(RECORD_DOWNLOAD, *_columns(event), ONE_DOWNLOAD)
                self._remember(event)

    def _has(self, event: DownloadEvent) -> bool:
        written_at = self._recent.get(event.one_download, float("-inf"))
        return time.monotonic() - written_at < ONE_DOWNLOAD.total_seconds()

    def _remember(self, event: DownloadEvent) -> None:
        self._recent[event.one_download] = time.monotonic()
        self._recent.move_to_end(event.one_download)
        if len(self._recent) > _MOST_REMEMBERED:
            self._recent.popitem(last=False)


def _columns(event: DownloadEvent) -> tuple[object, ...]:
    capacity, rule = event.decision.capacity, event.decision.rule
    licence = rule.licence if rule else None
    return (
        event.principal.pseudonym,
        capacity.entity if capacity else None,
        (capacity.category if capacity else Category.PUBLIC).value,
        event.asset.collection,
        event.asset.item,
        event.asset.key,
        event.bytes,
        licence.id if licence else None,
        licence.version if licence else None,
        event.decision.policy_set,
        event.grant,
        event.network,
    )


def network_of(request: Request) -> str:
    """The network of a request: the part of the address that identifies no household (IPv4 /24, IPv6 /48)."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))
