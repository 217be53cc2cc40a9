from postroom.admin.apply import mailing_lists
from postroom.admin.apply.items import MailingListItem


def views(wanted: MailingListItem, *now: MailingListItem) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (one.view.action, one.view.name, one.view.members)
        for one in mailing_lists.steps([wanted], now)
    ]


def test_people_come_after_the_list_and_what_is_so_is_left_alone() -> None:
    wanted = MailingListItem(
        address="dev@demo.test",
        name="T",
        members=("a@b.test", "C@b.test"),
        suspended=("a@b.test",),
    )
    assert views(wanted) == [
        ("add", "dev@demo.test", ()),
        ("change", "dev@demo.test", ("members", "suspended")),
    ]
    now = MailingListItem(
        address="dev@demo.test", name="T", posting="anyone", members=("c@b.test", "a@b.test"),
        suspended=("A@b.test",), owners=("o@b.test",),
    )  # fmt: skip
    assert views(wanted, now) == []
    other = MailingListItem(address="dev@demo.test", name="U", owners=())
    assert views(other, now) == [
        ("change", "dev@demo.test", ("name",)),
        ("change", "dev@demo.test", ("owners",)),
    ]
