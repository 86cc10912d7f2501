"""The documentation says what the program does: every command, option and variable is there, and none that is not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from cli import main
from database import DatabaseSettings
from harvester.settings import HarvestSettings
from stac_api import ApiSettings
from stac_api.access.rules.settings import RuleSettings

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
COMMAND_LINE = DOCS / "reference" / "command-line.md"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md"), PROJECT / "collections" / "README.md"])
UNITS = sorted(DOCS.rglob("*.service"))
HEADING = """\
# Command line

Generated from the commands themselves: `pytest tests/test_documentation.py --update-expectations` rewrites it.

A command that cannot do its work ends with 2 and says why on standard error; `-v` before its name adds the traceback.
With `--json` standard output is one JSON document in UTF-8, or nothing where the work could not be done: only what
gives the account of a run (harvests, `undo`, `retire`, `rename`, `quarantine replay`) gives it then too, with the
`error`; its `run` is null where none began.
"""


def test_command_line_page_is_that_of_the_commands(request: pytest.FixtureRequest) -> None:
    """docs/reference/command-line.md shows the help of every command as it is."""
    page = command_line_page()
    written = COMMAND_LINE.read_text(encoding="utf-8") if COMMAND_LINE.exists() else ""
    if request.config.getoption("--update-expectations"):
        COMMAND_LINE.write_text(page, encoding="utf-8")
    assert written == page, "run pytest tests/test_documentation.py --update-expectations, and read the difference"


def test_every_command_and_option_is_documented() -> None:
    """Each command has a heading on the page, each of its options stands below it."""
    page = COMMAND_LINE.read_text(encoding="utf-8")
    sections = {part.split("\n")[0]: part for part in page.split("\n## ")[1:]}
    commands = {f"`{name}`": command for name, command in all_commands(main, "dinamis")}
    assert set(sections) == set(commands)
    missing = [
        f"{name}: {option}"
        for name, command in commands.items()
        for option in options_of(command)
        if option not in sections[name]
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_in_the_documentation_exist(page: Path) -> None:
    """Whatever a page tells the reader to type is a command, with options that it has, or a target of make."""
    problems = [problem for code in code_of(page.read_text(encoding="utf-8")) for problem in problems_of(code)]
    assert not problems


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_exist(unit: Path) -> None:
    """Each unit of systemd starts one command, with options that it has."""
    (started,) = re.findall(r"^ExecStart=(.*dinamis .*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert problems_of(started) == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_give_their_program_no_home_instead_of_a_closed_one(unit: Path) -> None:
    """A home that may not be looked into fails each request: asyncpg looks there for certificates."""
    assert re.findall(r"^Environment=HOME=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE) == ["/nonexistent"]


def test_problems_of_commands_are_found() -> None:
    """The check of the pages itself sees a wrong command, option or target, and lets right ones pass."""
    wrong = ("dinamis harvest delivery x", "dinamis serve --ports 1", "X=1 .venv/bin/dinamis bd", "make dmeo")
    assert [len(problems_of(code)) for code in wrong] == [1, 1, 1, 1]
    right = (
        "dinamis",
        "dinamis db shell -- --csv",
        "$ dinamis serve --port=1  # --not-an-option",
        "make demo A=--once",
    )
    assert [problems_of(code) for code in right] == [[], [], [], []]


def test_every_variable_is_documented() -> None:
    """Each DINAMIS_ variable that the settings read has a row of its own, and each row is read by one."""
    page = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(DINAMIS_\w+)` \|", page, re.MULTILINE)
    assert len(rows) == len(set(rows))
    read = {
        name for kind in (DatabaseSettings, HarvestSettings, RuleSettings, ApiSettings) for name in variables_of(kind)
    }
    assert set(rows) == {name for name in read if name.startswith("DINAMIS_")}


def test_every_collection_has_its_row() -> None:
    """The table of collections has a row for each shipped document."""
    page = (DOCS / "reference" / "collections.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(path.stem for path in (PROJECT / "collections").glob("*.yaml"))


def test_every_table_has_its_row() -> None:
    """The table of the database has each table that a migration leaves there, and none that it does not."""
    page = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"\w+", row)]
    migrations = [file.read_text("utf-8") for file in sorted((PROJECT / "database").rglob("*.sql"))]
    made = {name for text in migrations for name in re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?dinamis\.(\w+)", text)}
    gone = {name for text in migrations for name in re.findall(r"DROP TABLE dinamis\.(\w+)", text)}
    assert sorted(named) == sorted(made - gone)


def test_places_in_the_program_that_pages_name_are_there() -> None:
    """A module or folder of the program that a page names is there, by its whole path or the end of it."""
    rooms = ("database", "docs", "footprints", "harvester", "stac_api", "tests")
    places = [PROJECT / "cli.py", *(place for room in rooms for place in (PROJECT / room).rglob("*"))]
    ends = "\n".join(f"/{place.relative_to(PROJECT).as_posix()}" for place in places) + "\n"
    pattern = r"`((?:[\w-]+/)*\w+\.(?:py|sql)|(?:database|footprints|harvester|stac_api|tests)/[\w/]*\w)/?`"
    named = {(page, place) for page in PAGES for place in re.findall(pattern, page.read_text(encoding="utf-8"))}
    assert named
    assert {(page, place) for page, place in named if f"/{place}\n" not in ends} == set()


def test_pages_that_the_program_cites_are_there() -> None:
    """A comment or docstring that sends the reader to a page of documentation names one of this project."""
    rooms = ("collections", "database", "footprints", "harvester", "stac_api", "tests")
    files = [PROJECT / "cli.py", *(file for room in rooms for file in (PROJECT / room).rglob("*.*"))]
    texts = {file: file.read_text("utf-8") for file in files if file.suffix in {".py", ".sh", ".sql", ".yaml"}}
    cited = {(file, name) for file, text in texts.items() for name in re.findall(r"[\w-]+\.md\b(?![:.\w])", text)}
    assert cited
    assert {(file, name) for file, name in cited if name not in {page.name for page in PAGES}} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS not in page.parents], ids=lambda page: page.name)
def test_links_outside_the_site_lead_somewhere(page: Path) -> None:
    """Relative links of the pages that mkdocs does not check lead to files of the project."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def command_line_page() -> str:
    """The reference page: the help of each command, one after the other."""
    sections = [f"## `{name}`\n\n```text\n{help_of(name)}\n```\n" for name, _ in all_commands(main, "dinamis")]
    return "\n".join([HEADING, *sections])


def help_of(name: str) -> str:
    """What `--help` prints on a terminal of 100 columns."""
    words = name.split()[1:]
    shown = CliRunner().invoke(main, [*words, "--help"], prog_name="dinamis", terminal_width=100, max_content_width=100)
    return "\n".join(line.rstrip() for line in shown.output.splitlines())


def all_commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command and group below this one, itself first, with its name as it is typed."""
    yield name, command
    if isinstance(command, click.Group):
        for child_name, child in command.commands.items():
            yield from all_commands(child, f"{name} {child_name}")


def options_of(command: click.Command) -> set[str]:
    """Everything that may follow the command and begins with a dash."""
    own = (name for param in command.params if isinstance(param, click.Option) for name in param.opts)
    return {*own, "-h", "--help"}


def code_of(page: str) -> Iterator[str]:
    """Each inline code and each line of a code block that is not a program."""
    blocks = r"^```(?:sh|bash|console|text|ini|)\n(.*?)^```"
    for block in re.findall(blocks, page, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"^(?: {4}|\t)(.*)$", prose, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose)


def problems_of(code: str) -> list[str]:
    """What is wrong with a line of code that calls `dinamis` or `make`; other lines are fine."""
    if found := re.search(r"(?:^|\s|/)dinamis(\s.*|)$", code):
        return problems_of_arguments(words_of(found[1]))
    if found := re.match(r"(?:\$ )?make\s+([a-z][a-z-]*)", code):
        targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return [] if found[1] in targets else [f"make has no target {found[1]}"]
    return []


def words_of(arguments: str) -> list[str]:
    """The words up to the first that belongs to another program."""
    words = shlex.split(arguments.replace("'", '"') if arguments.count("'") % 2 else arguments, comments=True)
    ends = (index for index, word in enumerate(words) if word in {"--", "&&", "|", ">", ";"})
    return words[: next(ends, len(words))]


def problems_of_arguments(words: list[str]) -> list[str]:
    """What is wrong with the words after `dinamis`."""
    command: click.Command = main
    known = options_of(main)
    for word in words:
        if isinstance(command, click.Group) and re.fullmatch(r"[a-z]+(-[a-z]+)*", word):
            if word not in command.commands:
                return [f"dinamis has no command {word} in {' '.join(words)!r}"]
            command = command.commands[word]
            known |= options_of(command)
    flags = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [f"there is no option {flag} in {' '.join(words)!r}" for flag in flags if flag not in known]


def variables_of(kind: type[BaseSettings]) -> Iterator[str]:
    """The names of the environment variables that a class of settings reads."""
    for name, field in kind.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            yield from (str(choice) for choice in alias.choices)
        else:
            yield str(alias) if alias else f"{kind.model_config.get('env_prefix', '')}{name}".upper()
