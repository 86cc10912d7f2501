"""How much of the machine's memory the private cluster takes."""

from __future__ import annotations

from pathlib import Path

import psutil

MIB = 1024 * 1024
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def usable_memory_bytes(cgroup_limit: Path = CGROUP_LIMIT) -> int:
    """The memory that this machine or container may use, in bytes."""
    total = int(psutil.virtual_memory().total)
    try:
        limit = cgroup_limit.read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def memory_settings(usable_bytes: int) -> dict[str, str]:
    """PostgreSQL's memory settings for a machine that also harvests and serves.

    A quarter of the memory for shared buffers (at most 2 GiB: the rest is better left to the page cache of a machine
    that does other work too), half as the planner's idea of the cache.
    """
    total = usable_bytes // MIB
    return {
        "shared_buffers": f"{_between(total // 4, 64, 2048)}MB",
        "effective_cache_size": f"{max(total // 2, 128)}MB",
        "work_mem": f"{_between(total // 256, 4, 64)}MB",
        "maintenance_work_mem": f"{_between(total // 16, 32, 512)}MB",
    }


def _between(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))
