"""How both Airbus catalogues are asked."""

from __future__ import annotations

from typing import ClassVar

from harvester.sources.source import SourceOptions

TOKEN_URL = "https://authenticate.foundation.api.oneatlas.airbus.com/auth/realms/IDP/protocol/openid-connect/token"  # noqa: S105


class OneAtlasOptions(SourceOptions):
    """What both Airbus catalogues need; the key is `credentials.api_key`."""

    opened_by: ClassVar = (("api_key",),)

    token_url: str = TOKEN_URL  #: its host need not be among `allowed_hosts`
