"""Pure geometry of satellite images."""

from footprints.viewing import ViewingDirection

__all__ = ["ViewingDirection"]
