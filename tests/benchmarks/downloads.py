"""The gateway against a plain `FileResponse` of Starlette: a file of 1 GB from either, and the memory that it takes.

    python tests/benchmarks/downloads.py [--mebibytes 1024] [--rounds 5] [--json]

Each server is a process of its own, and so is the database; the client keeps nothing of what it reads. The rounds of
the two servers alternate, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.benchmarks.server import Served, running_server, served_program  # noqa: E402
from tests.stac_api.downloads.protected_catalogue import PAN, protect  # noqa: E402

PLAIN = """
import os, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route
app = Starlette(routes=[Route("/{path:path}", lambda request: FileResponse(os.environ["FILE"]))])
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False)
"""

GATEWAY = """
import os, sys
from stac_api import ApiSettings, serve_api
serve_api(ApiSettings(), os.environ["CONNINFO"], host="127.0.0.1", port=int(sys.argv[1]))
"""

PIECE = 1 << 20
RANGE = 16 * 1024
RANGES = 200


@dataclass(frozen=True)
class Server:
    """A running server, and who asks it."""

    program: Served
    headers: Mapping[str, str]

    def seconds_of_whole(self) -> float:
        """How long it takes to read the file."""
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=300)
        began, buffer = time.perf_counter(), bytearray(PIECE)
        answer = self._asked(connection)
        while answer.readinto(buffer):
            pass
        connection.close()
        return time.perf_counter() - began

    def milliseconds_of_range(self) -> float:
        """The median of many small ranges, over one connection, as GDAL reads them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=30)
        taken = []
        for number in range(RANGES):
            began = time.perf_counter()
            first = number * RANGE
            self._asked(connection, Range=f"bytes={first}-{first + RANGE - 1}").read()
            taken.append(time.perf_counter() - began)
        connection.close()
        return median(taken) * 1000

    @property
    def peak_mib(self) -> float:
        """The most memory that the server has held, resident."""
        lines = Path(f"/proc/{self.program.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

    def _asked(self, connection: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
        connection.request("GET", PAN, headers={**self.headers, **headers})
        answer = connection.getresponse()
        if answer.status not in (200, 206):
            raise RuntimeError(f"{answer.status}: {answer.read().decode()}")
        return answer


def measured(mebibytes: int, rounds: int) -> dict[str, dict[str, float]]:
    """What either server takes, and the ratio of the two."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        piece = os.urandom(PIECE)
        with (folder / "pan.tif").open("wb") as file:
            file.writelines(piece for _ in range(mebibytes))
        database = stack.enter_context(stack.enter_context(running_server()).clone())
        ada, _ = protect(database, folder)
        plain = Server(stack.enter_context(served_program(PLAIN, FILE=str(folder / "pan.tif"))), {})
        gateway = Server(stack.enter_context(served_program(GATEWAY, CONNINFO=database.conninfo("api"))), ada.headers)
        for each in (plain, gateway):
            each.milliseconds_of_range()
        before = [each.peak_mib for each in (plain, gateway)]
        pairs = [(plain.seconds_of_whole(), gateway.seconds_of_whole()) for _ in range(rounds)]
        ranges = [(plain.milliseconds_of_range(), gateway.milliseconds_of_range()) for _ in range(rounds)]
        return {
            "whole file, s": _compared(pairs),
            f"range of {RANGE // 1024} KiB, ms": _compared(ranges),
            "memory that it grew by, MiB": _compared([(plain.peak_mib - before[0], gateway.peak_mib - before[1])]),
            "peak memory, MiB": _compared([(plain.peak_mib, gateway.peak_mib)]),
        }


def _compared(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    plain, gateway = (median(values) for values in zip(*pairs, strict=True))
    ratio = median(own / other for other, own in pairs) if all(other for other, _ in pairs) else 0.0
    return {"plain": round(plain, 3), "gateway": round(gateway, 3), "ratio": round(ratio, 3)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measured(options.mebibytes, options.rounds)
    if options.json:
        print(json.dumps(found))  # noqa: T201
        return
    for name, values in found.items():
        print(f"{name:30} " + "  ".join(f"{key} {value:10.3f}" for key, value in values.items()))  # noqa: T201


if __name__ == "__main__":
    main()
