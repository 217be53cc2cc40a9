"""Names and differences, without an office."""

from postroom.admin.apply.items import AccountItem, ShareItem, TlsRuleItem
from postroom.admin.apply.steps import There, differences, name_of


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
