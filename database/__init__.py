"""The PostgreSQL room: a private cluster or an external server, its schema, and how each role connects to it.

What is asked for is imported then, from where `__init__.pyi` says: commands answer at once, though the room behind them
is large.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
