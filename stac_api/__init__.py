"""The STAC API over pgSTAC; it knows nothing of the harvester.

What is asked for is imported then: commands answer at once, though the room behind them is large.
"""

from __future__ import annotations

from importlib import import_module
from logging import ERROR, getLogger
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stac_api.app import create_app
    from stac_api.serving import address_problem, serve_api
    from stac_api.settings import ApiSettings

__all__ = [
    "ApiSettings",
    "address_problem",
    "create_app",
    "serve_api",
]

# While it is imported, stac-fastapi warns of default settings that are never used here.
getLogger("stac_fastapi.types.config").setLevel(ERROR)

#: Where each is at home.
_HOMES = {
    "ApiSettings": "stac_api.settings",
    "address_problem": "stac_api.serving",
    "create_app": "stac_api.app",
    "serve_api": "stac_api.serving",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
