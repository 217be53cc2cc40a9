"""The rules of the code that no other tool checks: sizes, places, names, leftovers."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "postroom"
MODULES: Final = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
PACKAGES: Final = sorted(SOURCE.rglob("__init__.py"))
TESTS: Final = sorted(
    path
    for folder in ("tests", "interop", "bench", "proof", "rig", "tools")
    for path in (ROOT / folder).rglob("*.py")
)
MAX_LINES: Final = 500
MAX_DEPTH: Final = 3
SQL_PACKAGES: Final = {"queue", "store", "directory", "ledger", "policy", "db", "blobs"}
# The words that begin a statement, as they stand in our SQL: upper case, with their second word.
SQL: Final = re.compile(
    r"\b(SELECT\s.+\sFROM\s|SELECT \?|INSERT INTO\s|INSERT OR\s|UPDATE\s+\w+\s+SET\s|DELETE FROM\s"
    r"|CREATE (TABLE|INDEX|DATABASE)\s|DROP (TABLE|INDEX)\s|ALTER TABLE\s|PRAGMA\s)",
    re.DOTALL,
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=named)
def test_a_module_is_one_noun_of_at_most_500_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", PACKAGES, ids=named)
def test_a_package_says_what_it_holds_and_holds_no_code(path: Path) -> None:
    assert ast.get_docstring(tree(path))
    rest = tree(path).body[1:]
    if path.parent == SOURCE:  # VERSION: setuptools reads it there
        rest = [node for node in rest if not isinstance(node, ast.ImportFrom | ast.AnnAssign)]
    assert not rest


def test_every_folder_of_modules_is_a_package() -> None:
    assert {path.parent for path in MODULES} <= {path.parent for path in PACKAGES}


@pytest.mark.parametrize("path", [*MODULES, *PACKAGES], ids=named)
def test_folders_are_at_most_three_deep(path: Path) -> None:
    assert len(path.relative_to(SOURCE).parts) - 1 <= MAX_DEPTH


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


def strings(path: Path) -> list[tuple[int, str]]:
    """Every string that is not a docstring, with its line."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.relative_to(SOURCE).parts[0] not in SQL_PACKAGES],
    ids=named,
)
def test_sql_stands_only_where_state_is_kept(path: Path) -> None:
    assert not [(line, text) for line, text in strings(path) if SQL.search(text)]


def test_the_search_for_sql_would_find_some() -> None:
    found = [
        path
        for path in MODULES
        if path.relative_to(SOURCE).parts[0] in {"store", "directory"}
        and any(SQL.search(text) for _, text in strings(path))
    ]
    assert found


@pytest.mark.parametrize("path", [*MODULES, *PACKAGES, *TESTS], ids=named)
def test_nothing_is_left_for_later(path: Path) -> None:
    if path.samefile(__file__):
        return
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if token.type == tokenize.COMMENT
    ]
    assert not [text for text in comments if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)]
    assert "NotImplementedError" not in path.read_text()


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_no_test_is_skipped_or_mocked(path: Path) -> None:
    names = {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    forbidden = (
        r"pytest\.(skip|xfail|importorskip)|pytest\.mark\.(skip|skipif|xfail)|(unittest\.)?mock\..*"
    )
    assert not [name for name in names if re.fullmatch(forbidden, name)]
    imports = [
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not [line for line in imports if re.search(r"\bmock\b", line)]


def test_pins_have_hashes_and_no_addresses() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        pins = re.findall(r"^[a-z0-9][\w.-]*==\S+", text, re.MULTILINE)
        assert pins
        assert text.count("==") == len(pins)
        assert len(re.findall(r"==\S+[^\n]* \\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins)
        assert "://" not in text
        assert "index" not in re.sub(r"#.*", "", text)
