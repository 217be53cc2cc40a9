"""What tells items from each other."""

from postroom.admin.apply.items import BanItem, ShareItem, WebhookItem


def test_titles_tell_them_apart() -> None:
    hook = WebhookItem(url="https://x.test", events=("*",))
    assert hook.title == "https://x.test (*)"
    about = WebhookItem(url="https://x.test", events=("a", "b"), account="a@x.test")
    assert about.title == "https://x.test about a@x.test (a, b)"
    assert BanItem(network="192.0.2.0/24").title == "192.0.2.0/24"
    assert BanItem(network="192.0.2.0/24", doors="smtp").title == "192.0.2.0/24 (smtp)"
    share = ShareItem(what="a@x.test/INBOX", grantee="anyone", rights="lr")
    assert share.title == "a@x.test/INBOX with anyone"
