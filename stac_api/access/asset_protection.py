"""Which assets need a credential, and of which kinds: the STAC Authentication extension (v1.1.0).

These are public facts of the rules in force, the same for every caller; what everybody may have is not marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from stac_fastapi.types.requests import get_base_url

from stac_api.access.authorize import Action, Resource, authorize
from stac_api.access.policy import PolicySet
from stac_api.access.principal import ANONYMOUS
from stac_api.access.rules.in_force import policies_in_force
from stac_api.downloads.held_assets import action_of
from stac_api.stac_document import Document

EXTENSION = "https://stac-extensions.github.io/authentication/v1.1.0/schema.json"


@dataclass(frozen=True, kw_only=True)
class AssetProtection:
    """What anonymous callers may have by the rules in force."""

    policies: PolicySet | None
    base_url: str  #: of the API, with a final slash
    schemes: Mapping[str, Any]
    is_public: bool  #: whether the operator makes all files public
    _open: dict[Resource, frozenset[Action]] = field(default_factory=dict, init=False)

    def marked_item(self, item: Document) -> Document:
        """The Item with the authentication schemes, and references to them in each protected asset that we serve."""
        if self.is_public or not isinstance(item.get("properties"), dict):
            return item
        assets = item.get("assets")
        marked = self._marked_assets(assets) if isinstance(assets, dict) else {}
        if not marked:
            return item
        properties = {**item["properties"], "auth:schemes": self.schemes}
        return {**_extended(item), "properties": properties, "assets": {**item["assets"], **marked}}

    def marked_collection(self, collection: Document) -> Document:
        """The Collection with the same, for the assets of its Items and for its own."""
        if self.is_public:
            return collection
        views = frozenset((collection.get("summaries") or {}).get("dinamis:view_collections", ()))
        resource = Resource(collection=collection["id"], view_collections=views)
        promised = {
            key: self._with_refs(asset)
            for key, asset in (collection.get("item_assets") or {}).items()
            if action_of(asset.get("roles")) not in self._open_actions(resource)
        }
        own = self._marked_assets(collection.get("assets") or {})
        if not promised and not own:
            return collection
        changed = {"item_assets": promised, "assets": own}
        marked = {name: {**collection[name], **assets} for name, assets in changed.items() if assets}
        return {**_extended(collection), **marked, "auth:schemes": self.schemes}

    def _marked_assets(self, assets: Mapping[str, Any]) -> Document:
        return {key: self._with_refs(asset) for key, asset in assets.items() if self._is_protected(asset)}

    def _is_protected(self, asset: Any) -> bool:
        if not isinstance(asset, dict):
            return False
        place, _, path = str(asset.get("href", "")).removeprefix(self.base_url).partition("/")
        if place != "assets":
            return False
        resource = Resource(collection=path.partition("/")[0])
        return action_of(asset.get("roles")) not in self._open_actions(resource)

    def _open_actions(self, resource: Resource) -> frozenset[Action]:
        if resource not in self._open:
            self._open[resource] = frozenset(
                each for each in Action if authorize(ANONYMOUS, each, resource, self.policies).allowed
            )
        return self._open[resource]

    def _with_refs(self, asset: Document) -> Document:
        return {**asset, "auth:refs": [*asset.get("auth:refs", ()), *self.schemes]}


async def protection_of(request: Request) -> AssetProtection:
    """The protection in force at the time of a request."""
    settings, base_url = request.app.state.api_settings, get_base_url(request)
    return AssetProtection(
        policies=await policies_in_force(request),
        base_url=base_url,
        schemes=_schemes(base_url, settings.oidc_issuers),
        is_public=settings.public_assets,
    )


def _schemes(base_url: str, issuers: tuple[str, ...]) -> dict[str, Any]:
    """The ways to get a protected asset, by their names in `auth:refs`."""
    logins = {
        f"login-{number}": {"type": "openIdConnect", "openIdConnectUrl": f"{issuer}/.well-known/openid-configuration"}
        for number, issuer in enumerate(issuers, 1)
    }
    href = {"in": "body", "required": True, "schema": {"type": "string"}}
    flow = {"method": "POST", "authorizationApi": f"{base_url}sign", "parameters": {"href": href}}
    return {
        **logins,
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "basic": {"type": "http", "scheme": "basic"},
        "signed": {"type": "signedUrl", "flows": {"authorizationCode": {**flow, "responseField": "href"}}},
    }


def _extended(document: Document) -> Document:
    if "stac_version" not in document:  # a Fields request removed it
        return document
    return {**document, "stac_extensions": [*document.get("stac_extensions", ()), EXTENSION]}
