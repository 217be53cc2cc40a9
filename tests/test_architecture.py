"""The rules of the code that no other tool checks: sizes, places, names, leftovers."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from postroom.admin.apply import coverage

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "postroom"
FILES: Final = sorted(
    path
    for folder in ("src/postroom", "tests", "interop", "bench", "proof", "rig", "tools")
    for path in (ROOT / folder).rglob("*.py")
)
MODULES: Final = [path for path in FILES if SOURCE in path.parents and path.stem != "__init__"]
MAX_LINES: Final = 500
MAX_DEPTH: Final = 3
SQL_PACKAGES: Final = {"queue", "store", "directory", "ledger", "policy", "db", "blobs"}
# The words that begin a statement, as they stand in our SQL: upper case, with their second word.
SQL: Final = re.compile(
    r"\b(SELECT\s.+\sFROM\s|SELECT \?|INSERT INTO\s|INSERT OR\s|UPDATE\s+\w+\s+SET\s|DELETE FROM\s"
    r"|CREATE (TABLE|INDEX|DATABASE)\s|DROP (TABLE|INDEX)\s|ALTER TABLE\s|PRAGMA\s)",
    re.DOTALL,
)
LATER: Final = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SKIPPED: Final = re.compile(
    r"pytest\.(skip|xfail|importorskip)|pytest\.mark\.(skip|skipif|xfail)|(unittest\.)?mock\..*"
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_keeps_the_rules(path: Path) -> None:
    assert list(broken(path, path.read_text())) == []


def broken(path: Path, text: str) -> Iterator[str]:
    """What the file ``path`` with this text would break, in words."""
    tree = ast.parse(text)
    if len(text.splitlines()) > MAX_LINES:
        yield f"a module is one noun of at most {MAX_LINES} lines"
    if not path.samefile(__file__):
        yield from _leftovers(text)
    if SOURCE in path.parents:
        place = path.relative_to(SOURCE)
        if len(place.parts) - 1 > MAX_DEPTH:
            yield f"folders are at most {MAX_DEPTH} deep"
        if not ast.get_docstring(tree):
            yield "a module or package says what it is"
        if path.name == "__init__.py":
            yield from _code_of_a_package(place, tree)
        elif place.parts[0] not in SQL_PACKAGES:
            yield from (f"SQL stands only where state is kept: {text}" for text in _sql(tree))
    else:
        yield from _skipped(tree)


def _leftovers(text: str) -> Iterator[str]:
    if LATER.search(text):  # perhaps in a string; to tell takes much longer
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and LATER.search(token.string):
                yield f"nothing is left for later: {token.string}"
    if "NotImplementedError" in text:
        yield "nothing is left for later: NotImplementedError"


def _code_of_a_package(place: Path, tree: ast.Module) -> Iterator[str]:
    rest = tree.body[1:]
    if len(place.parts) == 1:  # VERSION: setuptools reads it there
        rest = [node for node in rest if not isinstance(node, ast.ImportFrom | ast.AnnAssign)]
    yield from (f"a package holds no code: {ast.unparse(node)}" for node in rest)


def _sql(tree: ast.Module) -> Iterator[str]:
    """The strings with SQL that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]
    yield from (text for text in strings if SQL.search(text))


def _skipped(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and SKIPPED.fullmatch(ast.unparse(node)):
            yield f"no test is skipped or mocked: {ast.unparse(node)}"
        if isinstance(node, ast.Import | ast.ImportFrom) and re.search(
            r"\bmock\b", ast.unparse(node)
        ):
            yield f"no test is skipped or mocked: {ast.unparse(node)}"


@pytest.mark.parametrize(
    ("place", "text", "rule"),
    [
        ("src/postroom/app.py", '"""."""\n' + "x = 1\n" * MAX_LINES, "at most 500 lines"),
        ("src/postroom/app.py", "x = 1\n", "says what it is"),
        ("src/postroom/app.py", '"""."""\nx = "DELETE FROM y"\n', "where state is kept"),
        ("src/postroom/app.py", '"""."""\nx = 1  # TODO y\n', "left for later"),
        ("src/postroom/app.py", '"""."""\nraise NotImplementedError\n', "left for later"),
        ("src/postroom/net/__init__.py", '"""."""\nimport os\n', "holds no code"),
        ("tests/test_app.py", "pytest.skip()\n", "skipped or mocked"),
        ("tests/test_app.py", "@pytest.mark.xfail\ndef f(): ...\n", "skipped or mocked"),
        ("tests/test_app.py", "from unittest import mock\n", "skipped or mocked"),
    ],
)
def test_what_breaks_a_rule_is_found(place: str, text: str, rule: str) -> None:
    found = list(broken(ROOT / place, text))
    assert len(found) == 1
    assert rule in found[0]


def test_every_folder_of_modules_is_a_package() -> None:
    assert not [named(path) for path in MODULES if not path.with_name("__init__.py").exists()]


def test_every_module_has_its_test_file() -> None:
    """``tests/store/test_filing.py`` for ``store/filing.py``; the entry points have none."""
    missing = [
        named(test)
        for path in MODULES
        if path.name != "__main__.py" and not (test := mirror(path)).exists()
    ]
    assert not missing, "no test file: " + ", ".join(missing)


def mirror(path: Path) -> Path:
    relative = path.relative_to(SOURCE)
    return ROOT / "tests" / relative.with_name(f"test_{relative.name}")


def test_pins_have_hashes_and_no_addresses() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        pins = re.findall(r"^[a-z0-9][\w.-]*==\S+", text, re.MULTILINE)
        assert pins
        assert text.count("==") == len(pins)
        assert len(re.findall(r"==\S+[^\n]* \\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins)
        assert "://" not in text
        assert "index" not in re.sub(r"#.*", "", text)


def test_every_table_stands_in_the_file_of_the_directory_or_is_left_out_for_a_reason() -> None:
    """``postroom export`` and ``apply`` bring everything that is set up; see ``coverage.py``.

    What a new table of settings needs besides: an item or a member in ``admin/apply``, and a
    value in docs/apply-example.toml, which tests/admin/apply/test_coverage.py takes there and back.
    """
    files = (SOURCE / "db" / "migrations").glob("*.sql")
    tables = set(
        re.findall(r"^CREATE TABLE (\w+)", "\n".join(map(Path.read_text, files)), re.MULTILINE)
    )
    assert tables == {*coverage.HELD, *coverage.LEFT_OUT} - {"schema_version"}
