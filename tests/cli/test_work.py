import click
import pytest

from postroom.admin.office import Office
from postroom.cli import work
from tests.cli.conftest import Shell


def context(shell: Shell) -> click.Context:
    group = click.Context(click.Command("postroom"), obj=str(shell.config))
    return click.Context(click.Command("domain"), parent=group)


def test_the_settings_are_those_that_were_named(shell: Shell) -> None:
    assert work.settings(context(shell)).hostname == "mx.demo.test"


def test_the_settings_may_be_named_by_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROOM_CONFIG", str(shell.config))
    assert work.settings(click.Context(click.Command("postroom"))).hostname == "mx.demo.test"


def test_work_is_done_in_an_open_office_and_its_result_comes_back(shell: Shell) -> None:
    async def count(office: Office) -> object:
        return await office.db.read(lambda tx: tx.engine)

    assert work.run(context(shell), count) == "sqlite"


def test_what_the_work_raises_is_raised(shell: Shell) -> None:
    async def fail(office: Office) -> None:
        raise LookupError("x")

    with pytest.raises(LookupError):
        work.run(context(shell), fail)
