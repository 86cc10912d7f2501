"""`dinamis harvest`: the group of its commands."""

from __future__ import annotations

import click

from harvester.commands.harvest_amend import correct, quarantine, undo
from harvester.commands.harvest_history import cancel, history, show
from harvester.commands.harvest_retire import rename, retire
from harvester.commands.harvest_run import deliveries, run
from harvester.commands.harvest_status import sources, status
from harvester.commands.harvest_verify import verify


@click.group()
def harvest() -> None:
    """Harvest sources into the catalogue, and manage the outcome."""


for command in (
    *(run, deliveries, sources, status, history, show, cancel),
    *(undo, retire, rename, quarantine, correct, verify),
):
    harvest.add_command(command)
