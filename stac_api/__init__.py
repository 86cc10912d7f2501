"""The STAC API over pgSTAC; it knows nothing of the harvester."""

from logging import ERROR, getLogger

# While it is imported, stac-fastapi warns of default settings that are never used here.
getLogger("stac_fastapi.types.config").setLevel(ERROR)

from stac_api.app import create_app  # noqa: E402
from stac_api.serving import address_problem, serve_api  # noqa: E402
from stac_api.settings import ApiSettings  # noqa: E402

__all__ = ["ApiSettings", "address_problem", "create_app", "serve_api"]
