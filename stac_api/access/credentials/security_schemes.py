"""The credentials that the server accepts, for its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stac_api.access.credentials.oidc import Provider

_SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key: dk_<id>_<secret>."},
    "Basic": {"type": "http", "scheme": "basic", "description": "An API key: its id as the user, its secret."},
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a login, or that of a declaration (POST /open-data/declarations).",
    },
}


def security_schemes(providers: Iterable[Provider]) -> dict[str, Any]:
    """All ways to present a credential; for each provider, those that it has published."""
    schemes = {name: dict(scheme) for name, scheme in _SCHEMES.items()}
    for number, provider in enumerate(providers, 1):
        suffix = "" if number == 1 else str(number)
        schemes[f"OpenIdConnect{suffix}"] = {"type": "openIdConnect", "openIdConnectUrl": provider.discovery_url}
        if provider.metadata and provider.metadata.token_endpoint:
            # The name and the flow under which the `teledetection` client looks for the address of tokens; it then
            # logs in by the device flow beside it.
            flow = {"tokenUrl": provider.metadata.token_endpoint, "scopes": {}}
            schemes[f"OAuth2PasswordBearer{suffix}"] = {"type": "oauth2", "flows": {"password": flow}}
    return schemes
