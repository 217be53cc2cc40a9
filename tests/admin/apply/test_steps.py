"""Names and differences, without an office."""

from postroom.admin.apply.items import AccountItem, RelayItem, ShareItem, TlsRuleItem, UseItem
from postroom.admin.apply.steps import There, change, differences, name_of


def test_only_what_is_said_and_other_differs() -> None:
    now = AccountItem(address="a@x.test", name="A", block=("a", "b"), quota=0)
    members = {"name", "block", "quota"}
    same = AccountItem(address="a@x.test", name="A", block=("b", "a"), quota=0)
    assert differences(same, now, members) == {}
    assert differences(AccountItem(address="a@x.test"), now, members) == {}
    other = AccountItem(address="a@x.test", block=("b",), quota=5)
    assert differences(other, now, members) == {"block": ("b",), "quota": 5}
    assert differences(other, now, {"quota"}) == {"quota": 5}


def test_case_is_no_difference_of_names() -> None:
    rules = [TlsRuleItem(domain="x.test", mode="verify"), TlsRuleItem(domain="X.Test", mode="may")]
    there = There(rules)
    assert there.find(TlsRuleItem(domain="X.Test", mode="none")) == rules[1]
    assert there.find(TlsRuleItem(domain="X.TEST", mode="none")) in rules
    assert there.find(TlsRuleItem(domain="y.test", mode="none")) is None
    assert name_of(ShareItem(what="a", grantee="b", rights="l")) == "a with b"


def test_a_change_tells_what_was_and_what_is_but_no_secret() -> None:
    now = RelayItem(
        name="r", host="h.test", port=25, tls="none", password="old", use=(UseItem(kind="default"),)
    )
    said = {
        "port": 26,
        "verify": True,
        "password": "new",
        "use": (UseItem(kind="account", of="a"),),
    }
    view = change("relay", "r", now, said)
    assert view.members == ("port", "verify", "password", "use")
    assert [(one.before, one.after) for one in view.changes] == [
        ("25", "26"), ("", "true"), ("", ""),
        ('[{ kind = "default", of = "" }]', '[{ kind = "account", of = "a" }]'),
    ]  # fmt: skip
    person = AccountItem(address="a@x.test", block=("a", "b"))
    (block,) = change("account", "a@x.test", person, {"block": ("b", "c")}).changes
    assert (block.before, block.after) == ('["a"]', '["c"]')
