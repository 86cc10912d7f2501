"""A real pycsw with records of ours, in an environment of its own that is made once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from platformdirs import user_cache_path

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "pycsw_requirements.txt"


@contextmanager
def pycsw_serving(records: Iterable[str], folder: Path, *, largest_page: int = 3) -> Iterator[str]:
    """Serve ISO records by pycsw until the block ends; the test is skipped where pycsw cannot be installed.

    Args:
        records: XML of each.
        folder: an empty one, for its database.
        largest_page: its own limit of maxRecords.

    Yields:
        The address of the service.
    """
    python = _python_with_pycsw()
    (folder / "records").mkdir()
    for number, record in enumerate(records):
        (folder / "records" / f"{number:05}.xml").write_text(record, encoding="utf-8")
    command: list[str | Path] = [python, _HERE / "pycsw_program.py", folder, str(largest_page)]
    with (folder / "errors.txt").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        # Its own set-up prints too; the port is the only line that is a number.
        port = next((line.strip() for line in process.stdout if line.strip().isdecimal()), None)
        assert port is not None, (folder / "errors.txt").read_text()
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _python_with_pycsw() -> Path:
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    environment = user_cache_path("dinamis") / f"pycsw-{digest[:16]}"
    if not environment.is_dir():
        try:
            _make(environment)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"pycsw cannot be installed: {error.output[-500:]}")
    return environment / "bin" / "python"


def _make(environment: Path) -> None:
    """Make the environment aside and move it into place, so that it is there whole or not at all."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=environment.parent, prefix="pycsw-") as aside:
        made = Path(aside) / "environment"
        _run(sys.executable, "-m", "venv", made)
        _run(made / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", _REQUIREMENTS)
        try:
            made.rename(environment)
        except OSError:
            if not environment.is_dir():  # another process was faster otherwise
                raise


def _run(*command: str | os.PathLike[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
