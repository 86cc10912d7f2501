"""The long form: `python -m tests.chaos` lives through one history after another until enough processes were killed."""

from __future__ import annotations

import logging
import sys
from itertools import count
from time import monotonic

import click

from tests.chaos.archives import ARCHIVES
from tests.chaos.history import KINDS, relive
from tests.chaos.life import FULL_DISK, KILL, TROUBLES, Plan, Tally, Unexpected
from tests.chaos.server import MortalServer, mortal_server


@click.command()
@click.option("--kills", default=200, show_default=True, help="Kill so many harvests at least; amendments besides.")
@click.option("--seed", default=1, show_default=True, help="Of the first histories.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only these histories.")
def main(kills: int, seed: int, kinds: tuple[str, ...]) -> None:
    """Kill harvests, amendments, their server and their network; compare what is left with what peace would make."""
    # Else the emulators would show each request that a killed harvest did not end.
    logging.getLogger().addHandler(logging.NullHandler())
    started = monotonic()
    with mortal_server(small_disk=True) as server:
        tally = _survived(server, kinds or KINDS, kills, seed)
    for name, number in tally.happened.most_common():
        click.echo(f"{number:5}  {name}")
    for place, number in tally.places.most_common():
        click.echo(f"{number:5}  killed {place}")
    click.echo(f"{tally.resumed:5}  runs resumed; {tally.histories} histories, {monotonic() - started:.0f} s")


def _survived(server: MortalServer, kinds: tuple[str, ...], kills: int, first_seed: int) -> Tally:
    troubles = TROUBLES if server.has_small_disk else tuple(each for each in TROUBLES if each != FULL_DISK)
    if not server.has_small_disk:
        click.echo("No file system may be mounted here: no disk runs full.")
    tally, killed = Tally(), 0
    counted = [kind for kind in kinds if kind in ARCHIVES] or kinds
    for seed in count(first_seed):
        for kind in kinds:
            lived = _lived(Plan(kind, seed, troubles=troubles), server)
            tally.add(lived)
            killed += lived.happened[KILL] if kind in counted else 0
            click.echo(f"{kind} {seed}: survived; {tally.happened[KILL]} kills so far")
        if killed >= kills:
            break
    return tally


def _lived(plan: Plan, server: MortalServer) -> Tally:
    try:
        return relive(plan, server)
    except Unexpected as error:
        click.echo(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
