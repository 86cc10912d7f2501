"""Errors in finding and using stereo sets."""

from __future__ import annotations

from harvester.errors import HarvestError


class StereoSetUnknown(HarvestError):
    """The catalogue has no such stereo set."""


class StereoSearchRefused(HarvestError):
    """The catalogue cannot be searched like this."""


class ViewToOrder(HarvestError):
    """A view of this stereo set is not held, and has to be ordered first."""


class ViewNotUsable(HarvestError):
    """A view of this stereo set cannot be given to a chain."""


class ViewNotHere(HarvestError):
    """A file of this stereo set cannot be read on this machine."""
