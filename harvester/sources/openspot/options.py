"""How OpenSpot is asked."""

from __future__ import annotations

from harvester.sources.source import SourceOptions


class Options(SourceOptions):
    """Where OpenSpot is, and which part of it is read."""

    url: str = "https://openspot-dinamis.data-terra.org/"
    years: tuple[str, ...] = ()  #: "2018"…; by default those that the pages offer
    modes: tuple[str, ...] = ()  #: by the service's names; by default those that the pages offer
    pages: tuple[str, ...] = ("",)  #: paths of the pages that offer years and modes; "PO" is the overseas one
