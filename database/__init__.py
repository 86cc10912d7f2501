"""PostgreSQL: a private cluster or an external server, its schema, and how each role connects to it.

Names are imported on first use, from the modules listed in `__init__.pyi`: commands answer at once although this
package is large.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
