"""The routes with which people manage what is theirs: account, keys, licences, declarations."""

from __future__ import annotations

import attr
from fastapi import FastAPI
from stac_fastapi.types.extension import ApiExtension

from stac_api.access.accounts import (
    application_routes,
    decision_routes,
    declaration_routes,
    key_routes,
    licence_routes,
    me_routes,
    register_routes,
    transfer_routes,
)

_ROUTES = (
    me_routes,
    key_routes,
    licence_routes,
    transfer_routes,
    declaration_routes,
    application_routes,
    decision_routes,
    register_routes,
)


@attr.s
class AccountsExtension(ApiExtension):
    """Everything below /me, signatures below /licenses, the questionnaire of open data, and applications."""

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        for routes in _ROUTES:
            app.include_router(routes.router, prefix=app.state.router_prefix)
