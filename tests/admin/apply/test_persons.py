"""The steps of an account: as few as will do."""

from postroom.admin.apply import persons
from postroom.admin.apply.items import AccountItem, Forwarding, ScriptItem, VacationItem

NOW = AccountItem(
    address="bob@x.test", name="Bob", role="person", administers=(), quota=5, message_quota=0,
    send_limit="default", disabled=False, addresses=(), send_as=(), block=(), allow=(),
    forward=Forwarding(to=()), retention=(), rule=(), mask=(), script=(),
    vacation=VacationItem(text=""), spam_level="normal", digest="usual",
)  # fmt: skip


def steps(one: AccountItem, now: AccountItem | None) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.view.action, step.view.members) for step in persons.steps(one, now, 3)]


def test_an_account_is_made_with_all_that_fits_in_one_step() -> None:
    new = AccountItem(
        address="bob@x.test", name="Bob", quota=5, message_quota=0, disabled=True, send_limit=9,
        role="owner", script=(ScriptItem(name="a", text=""),),
    )  # fmt: skip
    assert steps(new, None) == [
        ("add", ("name", "quota", "disabled")),
        ("change", ("send_limit",)),
        ("change", ("role",)),
        ("change", ("script",)),
    ]
    assert steps(AccountItem(address="bob@x.test"), None) == [("add", ())]
    (step,) = persons.steps(AccountItem(address="bob@x.test"), None, 3)
    assert step.item == ("account", 3)


def test_what_is_so_needs_no_step() -> None:
    assert steps(NOW, NOW) == []
    assert steps(AccountItem(address="BOB@x.test", quota=5), NOW) == []
    assert steps(AccountItem(address="bob@x.test", vacation=VacationItem(text="x")), NOW) == [
        ("change", ("vacation",))
    ]
