"""The file: written and read, strictly."""

import tomllib

import msgspec
import pytest
from hypothesis import given, strategies as st

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
    ScriptItem,
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
        ("[[domain]]", "f.toml, line 1: `domain[0]`: `name` is missing"),
        ("[[accounts]]", "unknown field `accounts`"),
        ('[[account]]\naddress = "a@b.test"\nquote = 1', "`account[0]`: unknown field `quote`"),
        (
            '[[account]]\naddress = "a@b.test"\nquota = "1G"',
            "`account[0].quota`: a whole number is wanted, not a text",
        ),
        ('[[relay]]\nname = "x"\nhost = "h"\nport = 1\ntls = "maybe"', "`relay[0].tls`: "),
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
    assert told[1].startswith("f.toml, line 6: `account[2].quota`: a whole number")
    many = "[[domain]]\n" * 50
    with pytest.raises(Invalid, match="and 30 more"):
        manifest.read(many, "f.toml")


LINES = st.lists(
    st.sampled_from(
        ["[[domain]]", "  [[ account ]]", '"""', "'''", "a = 1 # x", "\\", '"', "\ta\r", "", "[x]"]
    ),
    max_size=8,
).map("\n".join)


@given(st.lists(LINES, max_size=4))
def test_headers_in_strings_are_no_headers(texts: list[str]) -> None:
    scripts = tuple(ScriptItem(name=f"{n}", text=text) for n, text in enumerate(texts))
    account = AccountItem(address="a@b.test", script=scripts)
    whole = Manifest(domain=(DomainItem(name="b.test"),), account=(account, account))
    text = "# a note\n" + "".join(manifest.written(whole))
    assert manifest.read(text) == whole
    found = [piece.strip().partition("\n")[0] for _, piece in manifest.pieces(text)]
    assert found == ["# a note", "[[domain]]", "[[account]]", "[[account]]"]
    assert "".join(piece for _, piece in manifest.pieces(text)) == text


def test_a_file_by_hand_is_cut_where_tables_begin() -> None:
    text = (
        "account = []\n[[script]]\nname = '''\n[[domain]]\n'''\n"
        'text = """a"" \\""" b\n[[domain]]""""\n[[domain]] # """\nname = "x\'\'\'"\n'
        '[[domain]]\nname = \'a"""\'\n'
    )
    found = manifest.read(text)
    assert (len(found.script), [one.name for one in found.domain]) == (1, ["x'''", 'a"""'])
    assert msgspec.convert(tomllib.loads(text), Manifest) == found
    assert manifest.Places(text, "f").of("domain", 1) == "f, line 10"
    with pytest.raises(Invalid, match=r"f is no TOML: .*\(at line 14, column 6\)"):
        manifest.read(text + "[[domain]]\n\nname x\n\n", "f")
