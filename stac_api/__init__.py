"""The STAC API over pgSTAC; it knows nothing of the harvester.

Names are imported on first use, from the modules listed in `__init__.pyi`: commands answer at once although this
package is large.
"""

from logging import ERROR, getLogger

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# On import, stac-fastapi warns of default settings that are never used here.
getLogger("stac_fastapi.types.config").setLevel(ERROR)
