"""Fixtures that every package's tests share.

``data`` is a fresh folder. ``database`` opens a fresh, empty, migrated database::

    async with database() as db:
        await db.write(...)

on each of the two engines: a copy of one that was migrated once. PostgreSQL is started
once, when the first test asks for it.
``events`` is the list of the events that the test causes.
"""

import asyncio
import contextlib
import gc
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from postroom import process
from postroom.db.database import Database
from postroom.db.folder import DATABASE
from postroom.telemetry import sink
from rig import compiled, postgresql
from tests import absent
from tests.databases import TEMPLATE, Pool, renamed
from tests.fakes import Recorder

Opener = Callable[[], contextlib.AbstractAsyncContextManager[Database]]

_numbers = itertools.count(1)

# Folders of tests are in memory where there is room: to wait for a disk proves nothing here, and
# takes most of the time. What must be on it is told by tests.powercut and tests.db.faulty.
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30  # octets
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

compiled.keep()

# POSTROOM_EXAMPLES=proof: many more examples of every property, for `make proof`.
hypothesis.settings.register_profile("test", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "proof", deadline=None, print_blob=True, max_examples=5_000, database=None
)
hypothesis.settings.load_profile(os.environ.get("POSTROOM_EXAMPLES", "test"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave PostgreSQL's half out where it is not installed, and say so; CI must have it."""
    if postgresql.programs() or absent.CI:
        return
    left_out = [item for item in items if _needs_postgresql(item)]
    if left_out:
        absent.missing(f"PostgreSQL ({len(left_out)} tests)", postgresql.APT_LINE)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection() -> None:
    """All that is collected stays: looking for garbage in it takes a third of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor is it looked at while tests run."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _needs_postgresql(item: pytest.Item) -> bool:
    spec = getattr(item, "callspec", None)
    named: set[str] = set(getattr(item, "fixturenames", ()))
    return bool(spec and spec.params.get("database") == "postgres") or bool(
        named & {"postgres", "own_postgres"}
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Of several processes that test (pytest -n 2), each hands on what it has missed."""
    output: dict[str, dict[str, str]] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["absent"] = absent.remembered()


class _Gathering:
    """Takes what the processes hand on."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        output: dict[str, dict[str, str]] = getattr(node, "workeroutput", {})
        for what, remedy in output.get("absent", {}).items():
            absent.missing(what, remedy)


def pytest_configure(config: pytest.Config) -> None:
    usual = gc.get_threshold()
    process.prepare()  # who tests lives long as well: what large tests took goes back
    gc.set_threshold(*usual)  # tests count octets: none waits for long as garbage
    config.pluginmanager.register(_Gathering())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was missing, loudly."""
    if lines := absent.told():
        terminalreporter.section("LEFT OUT: not on this machine", red=True, bold=True)
        for line in lines:
            terminalreporter.line(line, red=True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh, empty folder."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def events() -> Iterator[Recorder]:
    """The events that are emitted from here on."""
    recorder = Recorder()
    before = sink.install(recorder)
    yield recorder
    sink.install(before)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server's own database; the template is migrated."""
    import psycopg

    from postroom.db.open import open_database

    async def migrate(url: str) -> None:
        db = await open_database(tmp_path_factory.mktemp("template"), url)
        await db.close()

    with postgresql.PostgreSQL() as server:
        url = server.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{TEMPLATE}"'.encode())
        asyncio.run(migrate(renamed(url, TEMPLATE)))
        yield url


@pytest.fixture(scope="session")
def pool(postgres: str) -> Iterator[Pool]:
    """Databases of PostgreSQL that serve again."""
    with contextlib.closing(Pool(postgres)) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """An opener of fresh databases, once an engine."""
    if request.param == "sqlite":
        migrated: bytes = request.getfixturevalue("sqlite")
        return lambda: _sqlite(_copied(migrated, tmp_path / f"sqlite-{next(_numbers)}"))
    pool: Pool = request.getfixturevalue("pool")
    return lambda: _postgres(pool, tmp_path / f"postgres-{next(_numbers)}")


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a migrated, empty database."""
    from postroom.db.open import open_database

    async def migrate(folder: Path) -> None:
        db = await open_database(folder)
        await db.close()

    folder = tmp_path_factory.mktemp("migrated") / "data"
    asyncio.run(migrate(folder))
    return (folder / DATABASE).read_bytes()


def _copied(migrated: bytes, folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    file = folder / DATABASE
    file.touch(mode=0o600)
    file.write_bytes(migrated)
    return folder


@contextlib.asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Database]:
    from postroom.db.open import open_database

    db = await open_database(folder)
    try:
        yield db
    finally:
        await db.close()


@contextlib.asynccontextmanager
async def _postgres(pool: Pool, folder: Path) -> AsyncIterator[Database]:
    from postroom.db.open import open_database

    with pool.lend() as url:
        db = await open_database(folder, url)
        try:
            yield db
        finally:
            await db.close()
