"""What a piece of work costs: time, processor time here and in the server, and memory, each in a fresh process."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import psutil


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one piece of work took."""

    seconds: float
    client_cpu_s: float
    server_cpu_s: float
    peak_mib: float  #: resident, of all processes of the client; mapped files, which they share, count once
    result: Any


def cost_of(work: Callable[[], Any], postmaster: int, prepare: Callable[[], Any]) -> Cost:
    """Do the work, which can be pickled, in a process of its own, whose imports and preparation are not counted."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(partial(_measured, work, postmaster, prepare)).result()


def _measured(work: Callable[[], Any], postmaster: int, prepare: Callable[[], Any]) -> Cost:
    prepare()
    server_before, client_before = cpu_of_tree(postmaster), _own_cpu()
    watch = _MemoryWatch()
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    peak_mib = watch.stop()
    time.sleep(0.3)  # until the server has reaped the sessions
    return Cost(
        seconds=seconds,
        client_cpu_s=_own_cpu() - client_before,
        server_cpu_s=cpu_of_tree(postmaster) - server_before,
        peak_mib=peak_mib,
        result=result,
    )


class _MemoryWatch:
    """Looks every 50 ms how much memory this process and its children hold."""

    def __init__(self) -> None:
        self._peak_kib = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._is_over.set()
        self._thread.join()
        return self._peak_kib / 1024

    def _look(self) -> None:
        while not self._is_over.wait(0.05):
            own = list(map(_resident_kib, _with_children(os.getpid())))
            held = sum(private for private, _ in own) + max(mapped for _, mapped in own)
            self._peak_kib = max(self._peak_kib, held)


def _own_cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def cpu_of_tree(pid: int) -> float:
    """Processor time of a process with its children, those that it has reaped and those that live, in seconds."""
    spent = 0.0
    for each in _with_children(pid):
        with suppress(psutil.NoSuchProcess):
            spent += sum(each.cpu_times()[:4])  # user and system, of the process and of its children that have ended
    return spent


def _with_children(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children()]


def _resident_kib(process: psutil.Process) -> tuple[float, float]:
    """Memory of a process alone, and that of mapped files, which processes share."""
    try:
        held = process.memory_info()
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    return (held.rss - held.shared) / 1024, held.shared / 1024
