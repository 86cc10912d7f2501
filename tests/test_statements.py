"""The SQL of the project stands where it is looked for: one statement a file, in the room that asks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = ("database", "footprints", "harvester", "stac_api")
STATEMENTS = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("sql/*.sql"))
MODULES = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py"))
VERB = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b")
LONGEST = 2  #: lines of a statement that may stand in a module


def test_statements_say_what_they_do() -> None:
    """Each file of SQL begins with a sentence, and ends where its statement does."""
    texts = {_name(path): path.read_text(encoding="utf-8") for path in STATEMENTS}
    assert texts
    assert not [name for name, text in texts.items() if not (text.startswith("-- ") and text.endswith(";\n"))]


def test_statements_are_asked() -> None:
    """A module of its package names each file of SQL: none is left behind."""
    assert not [_name(path) for path in STATEMENTS if not _is_named(path)]


def test_long_statements_are_in_no_module() -> None:
    """What is longer than a call of a function is in a file of its own, where it can be read, formatted and tried."""
    found = [(path, line, lines) for path in MODULES for line, lines in statements_in(path)]
    assert found
    assert not [f"{_name(path)}:{line}" for path, line, lines in found if lines > LONGEST]


def statements_in(path: Path) -> Iterator[tuple[int, int]]:
    """Where the statements that stand in a module begin, and how many lines each has."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant | ast.JoinedStr) and VERB.match(_text(node)):
            yield node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, (part for part in node.values if isinstance(part, ast.Constant))))
    return node.value if isinstance(node.value, str) else ""


def _is_named(statement: Path) -> bool:
    modules = statement.parent.parent.rglob("*.py")
    return any(f'"{statement.stem}"' in module.read_text(encoding="utf-8") for module in modules)


def _name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()
