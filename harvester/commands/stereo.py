"""`dinamis stereo`: the stereo sets of the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from database.commands.terminal import json_option, print_json, print_plain, say, stopped_like_ctrl_c
from harvester.commands.opening import harvest_context
from harvester.commands.stereo_search import search
from harvester.commands.stereo_use import export, show


@click.group()
def stereo() -> None:
    """Find, show, export and rebuild stereo pairs and triplets."""


for command in (search, show, export):
    stereo.add_command(command)


@stereo.command()
@click.option("--platform", metavar="NAME", help="Only sets of this satellite, such as pleiades-1a.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only from the month of this day on.")
@json_option
def rebuild(platform: str | None, since: datetime | None, as_json: bool) -> None:
    """Find all stereo sets anew. Those that are not as they should be are written.

    Harvests keep the sets up to date: this is for catalogues that are older than stereo sets, and for when collection
    documents change what they say of sets. Run it several times at once to share the work. After an interruption, of
    which `dinamis harvest status` reminds you, the same command resumes it; with other options it begins anew.

    \b
      dinamis stereo rebuild
      dinamis stereo rebuild --platform pleiades-1b --since 2023-01-01
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.amendments.stereo_rebuild import RebuildReport, Shard
    from harvester.amendments.stereo_rebuild import rebuild as rebuild_sets

    def tell(shard: Shard, done: RebuildReport) -> None:
        say(f"{shard.platform} {shard.month:%Y-%m}: {done.items} images so far, {done.written} Items written")

    try:
        with stopped_like_ctrl_c():
            report = rebuild_sets(harvest_context(), platform, since.replace(tzinfo=UTC) if since else None, tell)
    except KeyboardInterrupt:
        say("The rebuild was interrupted. What was written is kept: the same command does the rest.")
        raise
    if report.is_resumed:
        say("The same rebuild was interrupted before, or others work on it: what was done was not done again.")
    counted = {
        "months": report.shards,
        "images": report.items,
        "written": report.written,
        "removed": report.removed,
    }
    if as_json:
        print_json(counted)
    else:
        print_plain(", ".join(f"{number} {name}" for name, number in counted.items()))
