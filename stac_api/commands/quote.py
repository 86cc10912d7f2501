"""The command `quote`: what an area would cost, and why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.table import Column, Table

from database.commands.opening import ready_database, settings_of
from database.commands.terminal import OUT, Failure, json_option, print_plain
from stac_api.access.policy import Category
from stac_api.commands.moments import at_option
from stac_api.commands.register import print_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stac_api.access.policy import PolicySet
    from stac_api.quota.quote import Kind, Mode, Quote


@click.command()
@click.option("--collection", required=True, help="Id of the collection: `dinamis collections list`.")
@click.option(
    "--aoi",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The area: GeoJSON, GeoPackage, Shapefile or KML, in any reference system.",
)
@click.option(
    "--kind",
    type=click.Choice(["archive", "tasking"]),
    default="archive",
    show_default=True,
    help="An image that exists, or a new acquisition.",
)
@click.option(
    "--mode",
    type=click.Choice(["mono", "stereo", "tri-stereo"]),
    default="mono",
    show_default=True,
    help="One view, a pair or a triplet.",
)
@click.option(
    "--category",
    type=click.Choice([each.value for each in Category]),
    default=Category.PUB_FR.value,
    show_default=True,
    help="In which quality the order would be made.",
)
@click.option("--available", type=Decimal, help="What is left of the quota, in its unit. [default: all of it]")
@at_option
@json_option
def quote(  # noqa: PLR0913, PLR0917 -- an argument for each that may be typed
    collection: str,
    aoi: Path,
    kind: str,
    mode: str,
    category: str,
    available: Decimal | None,
    at: datetime,
    as_json: bool,
) -> None:
    """Show what an area would cost, line by line, and why.

    It says how much of the quota the area would use, what it would cost beyond that, and where each rule stands. The
    rules are those in force in the catalogue or, while none are active there, those of the rule files. Prices are
    without VAT, areas are geodesic, and overlaps count once.

    \b
      dinamis quote --collection airbus-archive-pleiades --aoi camargue.geojson
      dinamis quote --collection pleiades --kind tasking --mode stereo --category SCI_FR --aoi area.gpkg
      dinamis quote --collection airbus-archive-spot --aoi area.kml --at 2022-11-01 --json
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from database.commands.area_files import area_in
    from stac_api.quota.area import UnusableArea, charged_area_m2
    from stac_api.quota.quote import Enquiry, NotQuotable
    from stac_api.quota.quote import quote as price_of

    policies, origin = _policies()
    try:
        enquiry = Enquiry(
            area_m2=charged_area_m2(area_in(aoi)),
            collection=collection,
            kind=cast("Kind", kind),
            mode=cast("Mode", mode),
            category=Category(category),
            at=at,
            available=available,
        )
        found = price_of(enquiry, policies)
    except (UnusableArea, NotQuotable) as error:
        raise Failure(str(error)) from error
    print_document(found) if as_json else _print(found, origin)


def _policies() -> tuple[Sequence[PolicySet], str]:
    """The successive sets, and where they come from."""
    from stac_api.access.rules.files import read_rules
    from stac_api.access.rules.settings import RuleSettings
    from stac_api.access.rules.store import history

    with ready_database().connect("owner") as connection:
        active = [each.policies for each in history(connection) if each.state == "active"]
    if active:
        return active, "active in the catalogue"
    folder = settings_of(RuleSettings).rules
    return read_rules(folder).sets, f"of {folder}, not active in the catalogue"


def _print(found: Quote, origin: str) -> None:
    enquiry = found.enquiry
    print_plain(
        f"{enquiry.kind} of {enquiry.collection}, {enquiry.mode}, for {enquiry.category}:"
        f" {_km2(Decimal(enquiry.area_m2) / 1_000_000)} km²"
    )
    table = Table(
        "line", Column("quantity", justify="right"), "", Column("€", justify="right"), Column("behind it", ratio=1)
    )
    units = {"km2": "km²", "credit": "credits"}
    for line in found.lines:
        table.add_row(line.what, _km2(line.quantity), units[line.unit], f"{line.amount_eur:.2f}", line.source)
    OUT.print(table, highlight=False)
    print_plain(f"To pay: {found.amount_eur:.2f} € without VAT, by {found.policy_set} ({origin})")
    if found.is_discretionary and found.amount_if_refused_eur is not None:
        print_plain(f"If the free part is not granted: {found.amount_if_refused_eur:.2f} €")
    for assumption in dict.fromkeys(each for line in found.lines for each in line.assumptions):
        print_plain(f"Assumed: {assumption}")


def _km2(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
