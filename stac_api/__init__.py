"""The STAC API over pgSTAC; it knows nothing of the harvester.

What is asked for is imported then, from where `__init__.pyi` says: commands answer at once, though the room behind them
is large.
"""

from logging import ERROR, getLogger

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# While it is imported, stac-fastapi warns of default settings that are never used here.
getLogger("stac_fastapi.types.config").setLevel(ERROR)
