"""Who acts."""

import asyncio
import getpass

import pytest

from postroom.admin import actor
from postroom.admin.actor import SERVER, Actor, acting, at_command_line, become, present

ANN = Actor("person", "ann@demo.test", "192.0.2.1")


def test_somebody_acts_for_a_while() -> None:
    assert present() == SERVER
    with acting(ANN):
        assert present() == ANN
        with acting(Actor("token", "ci")):
            assert present().name == "ci"
        assert present() == ANN
    assert present() == SERVER


def test_a_task_has_its_own_actor() -> None:
    async def task(name: str) -> str:
        become(Actor("person", name))
        await asyncio.sleep(0)
        return present().name

    async def both() -> tuple[str, str]:
        found = await asyncio.gather(task("a"), task("b"))
        assert present() == SERVER
        return found

    assert list(asyncio.run(both())) == ["a", "b"]


def test_the_user_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert at_command_line() == Actor("command", getpass.getuser())
    monkeypatch.setenv("SUDO_USER", "ann")
    assert at_command_line().name == f"{getpass.getuser()} (ann)"

    def nameless() -> str:
        raise KeyError

    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr(actor.getpass, "getuser", nameless)  # type: ignore[attr-defined]
    assert at_command_line().name.isdigit()
