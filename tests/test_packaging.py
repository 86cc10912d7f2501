"""The wheel: everything that `dinamis` needs is in it, and it works where the checkout is not."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = {"database", "footprints", "harvester", "stac_api"}
DOCUMENTS = "database/documents/packaged_collections"


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel in it, and the libraries of our own environment beside it."""

    folder: Path

    def run(self, *command: str) -> str:
        """Run a command of the environment in an empty folder; its standard output."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DINAMIS_", "PYTHON"))}
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=elsewhere,
            env=kept | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", folder, PROJECT], check=True, timeout=120, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    site_packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # A .pth file inside a folder that a .pth file names is not read: our own editable install stays out of sight.
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--ignore-installed", "--no-compile", wheel], check=True, timeout=120, cwd=folder
    )
    return Installed(folder)


def test_wheel_shadows_no_module(names: list[str]) -> None:
    """At its top are our packages and the command line, and above all no `collections`, which is Python's."""
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith((".dist-info", ".data"))} == PACKAGES | {"cli.py"}


def test_wheel_has_every_file_of_the_checkout(names: list[str]) -> None:
    """Modules, SQL and whatever else lies in our packages are in the wheel."""
    tracked = subprocess.run(
        ["git", "ls-files", *sorted(PACKAGES)], cwd=PROJECT, check=False, capture_output=True, text=True
    ).stdout.split()
    files = tracked or [
        path.relative_to(PROJECT).as_posix() for package in PACKAGES for path in (PROJECT / package).rglob("*.py")
    ]
    assert [file for file in files if (PROJECT / file).exists() and file not in names] == []
    assert any(name.startswith("database/migrations/") and name.endswith(".sql") for name in names)
    assert any(name.startswith("database/sql/") for name in names)


def test_wheel_has_the_collection_documents(names: list[str]) -> None:
    """Each collection and each sensor lies where the packaged default looks for it."""
    documents = {path.relative_to(PROJECT / "collections") for path in (PROJECT / "collections").rglob("*.yaml")}
    assert len(documents) > 16
    assert {f"{DOCUMENTS}/{document.as_posix()}" for document in documents} <= set(names)


def test_wheel_has_no_tests_and_no_caches(names: list[str]) -> None:
    """What only developers need stays out."""
    assert [name for name in names if "__pycache__" in name or name.rpartition("/")[2].startswith("test_")] == []


def test_wheel_has_the_licence(names: list[str]) -> None:
    """The licence travels with the program."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_installed_program_is_the_one_of_the_wheel(installed: Installed) -> None:
    """The fresh environment runs its own copy, and Python's `collections` is Python's."""
    code = (
        "import cli, harvester, collections; print(cli.__file__, harvester.__file__, collections.__file__, sep='\\n')"
    )
    ours, package, standard = installed.run("python", "-c", code).splitlines()
    assert Path(ours).is_relative_to(installed.folder)
    assert Path(package).is_relative_to(installed.folder)
    assert not Path(standard).is_relative_to(installed.folder / "lib")


def test_installed_program_has_its_collections(installed: Installed) -> None:
    """`dinamis` works in any folder: it lists and checks the documents that it brought along."""
    folder = Path(installed.run("dinamis", "collections", "path").strip())
    assert folder.is_relative_to(installed.folder)
    listed = installed.run("dinamis", "collections", "list")
    assert all(path.stem in listed for path in (PROJECT / "collections").glob("*.yaml"))
    assert "0 errors" in installed.run("dinamis", "collections", "check")


def test_installed_program_tells_its_version(installed: Installed, wheel: Path) -> None:
    """The version is that of the wheel."""
    assert wheel.name.split("-")[1] in installed.run("dinamis", "--version")


def test_installed_program_has_its_rules(installed: Installed) -> None:
    """The rules came along as well, with their licences, and speak of every collection that did."""
    checked = installed.run("dinamis", "rules", "check")
    assert Path(checked.partition(":")[0]).is_relative_to(installed.folder)
    assert checked.strip().endswith("0 errors, 0 warnings")
