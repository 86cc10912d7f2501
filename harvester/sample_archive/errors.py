"""Errors of the sample archive."""

from __future__ import annotations

from harvester.errors import HarvestError


class SampleArchiveError(HarvestError):
    """The sample archive cannot be written."""
