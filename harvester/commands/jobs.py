"""`dinamis worker` and `dinamis schedule`: harvests as jobs shared by many machines."""

from __future__ import annotations

import logging

import click

from harvester.commands.opening import documented_feeds, harvest_context


def _known_kinds(_ctx: click.Context, _param: click.Parameter, queues: tuple[str, ...]) -> tuple[str, ...]:
    from harvester.sources.registry import OPTIONS

    if queues and (unknown := sorted(set(queues) - OPTIONS.keys())):
        raise click.BadParameter(f"there is no source {', '.join(unknown)}; there are {', '.join(OPTIONS)}.")
    return queues


@click.command()
@click.option(
    "--queue",
    "queues",
    multiple=True,
    callback=_known_kinds,
    help="Only do jobs of this kind of source, such as `deliveries`; may be repeated. All of them by default.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of jobs done at a time."
)
def worker(queues: tuple[str, ...], concurrency: int) -> None:
    """Do the harvests in the queue, until SIGTERM or Ctrl-C.

    Any number of workers on any number of machines share them; each host is asked by one job at a time, or by as many
    as the `concurrency` of its source allows. A worker that is stopped commits the current page and leaves the rest to
    others; within two minutes these also take over the jobs of a worker that died, or was told to stop a second time
    while it was waiting for a host.

    Collection documents and credentials are read once: restart the workers after a change.

    \b
      dinamis worker
      dinamis worker --queue deliveries       on the machine where the archive is mounted
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.jobs.tasks import WorkerContext
    from harvester.jobs.worker import work

    _log_jobs()
    context = harvest_context()
    work(WorkerContext(context, documented_feeds(context.documents)), queues, concurrency)


@click.command()
def schedule() -> None:
    """Enqueue harvests when the documents say so, until SIGTERM. Their keys are `schedule` and `full_schedule`, in UTC.

    Workers do them. Each harvest is enqueued once, however many schedulers run; one that was missed while none ran is
    caught up within an hour. Collection documents are read once: restart the scheduler after a change.
    """
    from harvester.jobs.schedule import keep_schedule

    _log_jobs()
    context = harvest_context()
    keep_schedule(context, documented_feeds(context.documents))


def _log_jobs() -> None:
    """Show one line for each job, whatever the log level."""
    logging.getLogger("harvester.jobs").setLevel(logging.INFO)
