"""The file: written and read, strictly."""

import tomllib

import pytest

from postroom.admin.apply import manifest
from postroom.admin.apply.items import (
    AccountItem,
    ActionItem,
    AliasItem,
    ConditionItem,
    DomainItem,
    Forwarding,
    Manifest,
    RelayItem,
    RuleItem,
    ShareItem,
    TlsRuleItem,
    UseItem,
)
from postroom.errors import Invalid

WHOLE = Manifest(
    domain=(DomainItem(name="größe.test", catch_all=""), DomainItem(name="b.test", alias_of="a.test")),
    account=(
        AccountItem(
            address="bob@demo.test",
            name='Bob "B" \\ Ö\x01',
            quota=0,
            disabled=False,
            send_limit="default",
            addresses=(),
            forward=Forwarding(to=("x@far.test",), keep=False),
            rule=(
                RuleItem(
                    conditions=(ConditionItem(field="subject", test="is", value="a\nb"),),
                    actions=(ActionItem(kind="move", value="Lists"), ActionItem(kind="stop")),
                ),
                RuleItem(match="any", actions=(ActionItem(kind="discard"),)),
            ),
        ),
        AccountItem(address="eve@demo.test", send_limit=5, block=tuple(f"{n}.test" for n in range(40))),
    ),
    alias=(AliasItem(address="all@demo.test", targets=("bob@demo.test",), hidden=True),),
    relay=(
        RelayItem(
            name="office", host="127.0.0.1", port=25, tls="none",
            use=(UseItem(kind="default"), UseItem(kind="account", of="bob@demo.test")),
        ),
    ),
    tls_rule=(TlsRuleItem(domain="far.test", mode="verify"),),
    share=(ShareItem(what="bob@demo.test/Work", grantee="@demo.test", rights="lr"),),
)  # fmt: skip


def test_what_is_written_is_read_again() -> None:
    text = "".join(manifest.written(WHOLE))
    assert manifest.read(text) == WHOLE
    assert tomllib.loads(text)["account"][0]["rule"][1]["match"] == "any"
    assert max(map(len, text.splitlines())) <= 110
    assert manifest.read("".join(manifest.written(Manifest()))) == Manifest()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[domain]", "f.toml is no TOML"),
        ("[[domain]]", "required field `name`, at `domain[0]`"),
        ("[[accounts]]", "unknown field `accounts`"),
        ('[[account]]\naddress = "a@b.test"\nquote = 1', "unknown field `quote`, at `account[0]`"),
        ('[[account]]\naddress = "a@b.test"\nquota = "1G"', "at `account[0].quota`"),
        ('[[relay]]\nname = "x"\nhost = "h"\nport = 1\ntls = "maybe"', "at `relay[0].tls`"),
    ],
)
def test_a_slip_is_told_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as error:
        manifest.read(text, "f.toml")
    assert reason in str(error.value)


def test_all_slips_are_told_with_their_lines() -> None:
    text = (
        '[[account]]\naddress = 1\n\n[[account]]\naddress = "a@b.test"\n'
        '[[ account ]]\naddress = "a@b.test"\nquota = "1G"\n[[people]]\n[other]\n'
    )
    with pytest.raises(manifest.Faulty) as error:
        manifest.read(text, "f.toml")
    told = error.value.faults
    assert [one.partition(": ")[0] for one in told] == [
        "f.toml, line 1", "f.toml, line 6", "f.toml", "f.toml",
    ]  # fmt: skip
    assert told[1].endswith("at `account[2].quota`")
    many = "[[domain]]\n" * 50
    with pytest.raises(Invalid, match="and 30 more"):
        manifest.read(many, "f.toml")
