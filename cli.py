"""The command line `dinamis`: each command parses, calls one function of a package, prints, and sets the exit code.

Each package has its commands in `commands`; they are assembled here. Commands import what they need themselves, so that
`dinamis --help` answers at once.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from database.commands.db import db, doctor
from database.commands.opening import database_settings, ready_database, settings_of
from database.commands.terminal import OUT, Commands, LogLines, progress_bar
from harvester.commands.collections import collections
from harvester.commands.harvest import harvest
from harvester.commands.jobs import schedule, worker
from harvester.commands.stereo import stereo
from stac_api.commands.access import access
from stac_api.commands.audit import audit
from stac_api.commands.downloads import downloads
from stac_api.commands.entities import entity
from stac_api.commands.frameworks import framework
from stac_api.commands.keys import key
from stac_api.commands.people import user
from stac_api.commands.quote import quote
from stac_api.commands.rules import rules
from stac_api.commands.serve import refuse_unusable_address, serve
from stac_api.commands.signing_key import signing_key

if TYPE_CHECKING:
    from database import Database


def _foreseen_errors() -> tuple[type[Exception], ...]:
    from database import DatabaseError
    from harvester.errors import HarvestError
    from stac_api.access.errors import AccessError

    # OSError is for refusals of the machine: a full disk, a file without write permission.
    return AccessError, DatabaseError, HarvestError, OSError


@click.group(
    cls=Commands,
    foreseen=_foreseen_errors,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, and show the traceback of errors.")
@click.version_option(package_name="dinamis-stac")
def main(verbose: bool) -> None:
    """DINAMIS-STAC: harvest very-high-resolution satellite imagery and serve it as a STAC catalogue.

    Without any configuration it runs a PostgreSQL of its own. A first session:

    \b
      dinamis doctor                                is everything here?
      dinamis harvest deliveries /archive/airbus    read the deliveries in a folder
      dinamis rules activate                        let people see what the rules say
      dinamis serve                                 serve them on http://127.0.0.1:8000
    """  # noqa: D301  # click needs the character, which a raw string lacks
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[LogLines()],
    )
    # It logs whole addresses, which may hold keys of services.
    logging.getLogger("httpx").setLevel(logging.WARNING)


for command in (
    *(collections, db, doctor, harvest, schedule, serve, stereo, worker),
    *(access, audit, downloads, entity, framework, key, quote, rules, signing_key, user),
):
    main.add_command(command)


@main.command()
@click.option("--once", is_flag=True, help="Do all but serving, and exit.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="TCP port to listen on.")
def demo(once: bool, port: int) -> None:
    """Harvest and serve a sample archive of Airbus deliveries. It is written first, and served until Ctrl-C.

    The demonstration has a database of its own, so it never mixes with your catalogue. Its images are synthetic.
    Running it again is quick and changes nothing.

    \b
      dinamis demo
      dinamis demo --once
    """  # noqa: D301  # click needs the character, which a raw string lacks
    from harvester.commands.harvest_run import harvested
    from harvester.commands.run_accounts import Accounts
    from harvester.credentials import Credentials
    from harvester.feeds import deliveries_at
    from harvester.runs import Request
    from harvester.sample_archive import write_sample_archive
    from stac_api import ApiSettings, serve_api

    settings = settings_of(ApiSettings).model_copy(update={"public_assets": True})
    if not once:
        refuse_unusable_address("127.0.0.1", port)
    home = database_settings().home / "demo"
    database = ready_database(own_home=home)
    _activate_shipped_rules(database)
    with progress_bar("Writing the sample archive") as show:
        archive = write_sample_archive(
            home / "sample-archive", on_progress=lambda done, total, at_hand: show(done, total, lambda: at_hand)
        )
    feed = deliveries_at(str(archive.directory), Credentials())
    code = harvested([feed], Request(), Accounts(), database=database)
    if not once:
        OUT.print(_where_to_point(f"http://127.0.0.1:{port}"), highlight=False, soft_wrap=True)
        serve_api(settings, database.conninfo("api"), host="127.0.0.1", port=port, workers=1)
    sys.exit(code)


def _activate_shipped_rules(database: Database) -> None:
    from stac_api.access.rules.files import read_rules
    from stac_api.access.rules.settings import RuleSettings
    from stac_api.access.rules.store import activate

    written = read_rules(settings_of(RuleSettings).rules)
    with database.connect("owner") as connection:
        activate(connection, written.sets, written.licences, by="dinamis demo")


def _where_to_point(url: str) -> str:
    return f"""
The sample catalogue is served at {url} until Ctrl-C.

  QGIS           Layer > Add Layer > Add Layer from STAC Catalog… > New: {url}
  browser        {url}/api.html
  pystac-client  python -c "from pystac_client import Client; print(*Client.open('{url}').search(max_items=5).items())"

Its files are open to everybody who can reach it (as with --public-assets): they are synthetic.
"""


if __name__ == "__main__":
    main()
