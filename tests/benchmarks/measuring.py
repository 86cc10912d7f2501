"""What a piece of work costs: time, processor time here and in the server, and memory, each in a fresh process."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024


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
    server_before, client_before = _cpu_of_tree(postmaster), _own_cpu()
    watch = _MemoryWatch()
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    peak_mib = watch.stop()
    time.sleep(0.3)  # until the server has reaped the sessions
    return Cost(
        seconds=seconds,
        client_cpu_s=_own_cpu() - client_before,
        server_cpu_s=_cpu_of_tree(postmaster) - server_before,
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
            own = [_resident_kib(pid) for pid in (os.getpid(), *_children(os.getpid()))]
            held = sum(private for private, _ in own) + max(mapped for _, mapped in own)
            self._peak_kib = max(self._peak_kib, held)


def _own_cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def _cpu_of_tree(postmaster: int) -> float:
    """Processor time of the server: its sessions that ended, which it has reaped, and those that live."""
    return sum(_cpu_s(pid) for pid in (postmaster, *_children(postmaster)))


def _cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _children(pid: int) -> list[int]:
    processes = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
    return [other for other in processes if (fields := _stat(other)) and int(fields[1]) == pid]


def _stat(pid: int) -> list[str]:
    """The fields after the name of the program; none of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _resident_kib(pid: int) -> tuple[float, float]:
    """Memory of a process alone, and that of mapped files, which processes share."""
    try:
        _, resident, mapped, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0.0, 0.0
    return (int(resident) - int(mapped)) * _PAGE_KIB, int(mapped) * _PAGE_KIB
