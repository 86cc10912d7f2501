"""Boxes on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def bbox_option(text: str) -> Callable[[Command], Command]:
    """The option `--bbox`: west, south, east, north in degrees, WGS 84; west > east over 180°.

    Args:
        text: help of the option.
    """
    return click.option("--bbox", metavar="W,S,E,N", callback=_bbox, help=text)


def _bbox(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise click.BadParameter("write west,south,east,north in degrees, such as -5.2,41.3,9.6,51.1") from error
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise click.BadParameter("longitudes run from -180 to 180, latitudes from -90 to 90, south before north")
    return west, south, east, north
