"""Lists of accounts and aliases as other servers write them."""

import pytest

from postroom.admin.moving.lists import (
    MAX_TARGETS,
    CatchAll,
    Format,
    Home,
    Other,
    Person,
    Skipped,
    Wish,
    read,
)  # fmt: skip
from postroom.errors import Refused

SHA = "{SHA1.HEX}" + "a" * 40


def test_aliases_of_postfix() -> None:
    text = (
        '# comment\npostmaster: root\nroot: alice,\n  bob@else.test, "c, d"@else.test\n\n'
        'prog: |/bin/x\nlist: :include:/etc/list\nempty:\nno colon\n"two words": alice\n'
    )
    assert read(text, "postfix-aliases", "demo.test") == [
        Other("postmaster@demo.test", ("root@demo.test",)),
        Other("root@demo.test", ("alice@demo.test", "bob@else.test", '"c, d"@else.test')),
        Skipped("prog@demo.test", "|/bin/x is no address: programs and files are not taken"),
        Skipped(
            "list@demo.test", ":include:/etc/list is no address: programs and files are not taken"
        ),
        Skipped("empty@demo.test", "it leads nowhere"),
        Skipped("no colon", "it has no colon"),
        Other('"two words"@demo.test', ("alice@demo.test",)),
    ]
    assert read("a: b", "postfix-aliases") == [
        Skipped("a", "which domain is it of? name the domain of such names")
    ]


def test_virtual_aliases_of_postfix() -> None:
    text = (
        "demo.test\tanything\ninfo@demo.test alice@demo.test, bob@demo.test\n"
        "@demo.test  alice@demo.test\n@other.test @demo.test\nuser alice\n"
    )
    found = read(text, "postfix-virtual", "demo.test")
    assert found[:3] == [
        Home("demo.test"),
        Other("info@demo.test", ("alice@demo.test", "bob@demo.test")),
        CatchAll("demo.test", "alice@demo.test"),
    ]
    assert isinstance(found[3], Skipped)
    assert "--alias-of" in found[3].reason
    assert found[4] == Other("user@demo.test", ("alice@demo.test",))


def test_accounts_of_dovecot() -> None:
    text = (
        f"alice:{SHA}:1000:1000:Alice A.,room:/home/a::userdb_quota_rule=*:storage=2G\n"
        "bob@demo.test:{PLAIN}pass:word\n# no\n\ncarol:{ROT13}x::::::\n:x\ndora:\n"
    )
    assert read(text, "dovecot-passwd", "demo.test") == [
        Person("alice@demo.test", "Alice A.", hash=SHA, quota=2 << 30),
        Person("bob@demo.test", password="pass"),
        Person("carol@demo.test"),
        Skipped("line 6", "it has no name"),
        Person("dora@demo.test"),
    ]


def test_rows_of_csv() -> None:
    text = (
        "Address, Name ,password,quota,targets\nalice@demo.test,Alice,geheim,500M,\n"
        f"bob,Bob,{SHA},,\ninfo@demo.test,,,,alice@demo.test; bob@demo.test\n"
        "dora@demo.test,,,much,\n,,,,\n@,,,,\n"
    )
    assert read(text, "csv", "demo.test") == [
        Person("alice@demo.test", "Alice", password="geheim", quota=500 << 20),
        Person("bob@demo.test", "Bob", hash=SHA),
        Other("info@demo.test", ("alice@demo.test", "bob@demo.test")),
        Skipped("dora@demo.test", "much is no size"),
        Skipped("@", "is no address"),
    ]
    with pytest.raises(Refused, match="address is not among them"):
        read("name,password\n", "csv")
    with pytest.raises(Refused, match="no CSV"):
        read(f"address,name\na@b.test,{'x' * 200_000}", "csv")


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_rows_of_spreadsheets(between: str) -> None:
    text = "\ufeffaddress,name,quota\r\na@b.test,Ann,1 GB\r\n".replace(",", between)
    assert read(text, "csv") == [Person("a@b.test", "Ann", quota=1 << 30)]


def test_names_of_several_lines_are_one_row_of_csv() -> None:
    text = 'address,name,quota\r\na@x.test,"Ann\r\nB",1K\r\nb@x.test,Bob\u2028C,2K\r\n'
    assert read(text, "csv") == [
        Person("a@x.test", "Ann B", quota=1024),
        Person("b@x.test", "Bob C", quota=2048),
    ]


def test_an_alias_with_too_many_targets_is_told_not_cut() -> None:
    text = "all: " + ", ".join(f"p{number}" for number in range(MAX_TARGETS + 1))
    (one,) = read(text, "postfix-aliases", "demo.test")
    assert isinstance(one, Skipped)
    assert "more than 10000 targets" in one.reason
    (one,) = read(text.rpartition(",")[0], "postfix-aliases", "demo.test")
    assert isinstance(one, Other)


def test_numbers_that_are_none() -> None:
    nines = "9" * 5_000
    (one,) = read(f"address,quota\na@b.test,{nines}", "csv")
    assert isinstance(one, Skipped)
    line = f"a@b.test:x::::::userdb_quota_rule=*:storage={nines}M"
    assert [one.quota for one in read(line, "dovecot-passwd") if isinstance(one, Person)] == [0]
    account = f'<Account Name="a@b.test" MaxAccountSize="{nines}"/>'
    backup = f'<Backup><Domain Name="b.test">{account}</Domain></Backup>'
    assert [one.quota for one in read(backup, "hmailserver") if isinstance(one, Person)] == [0]


def test_a_backup_of_hmailserver() -> None:
    digest = "abcdef" + "0" * 64
    text = f"""<Backup><Domains><Domain Name="demo.test">
    <Accounts><Account Name="alice@demo.test" PersonFirstName="Alice" PersonLastName="A"
      Password="{digest}" PasswordEncryption="3" MaxAccountSize="100"/>
    <Account Name="bob@demo.test" Password="xx" PasswordEncryption="1"/>
    <Account Name="carol@demo.test" Password="word" PasswordEncryption="0"/></Accounts>
    <Aliases><Alias Name="info@demo.test" Value="alice@demo.test"/></Aliases>
    <DistributionLists><DistributionList Name="all@demo.test"><Recipients>
    <Recipient Name="alice@demo.test"/><Recipient Name="x@else.test"/></Recipients>
    </DistributionList></DistributionLists></Domain></Domains></Backup>"""
    assert read(text, "hmailserver") == [
        Home("demo.test"),
        Person("alice@demo.test", "Alice A", hash="{HMAIL-SHA256}" + digest, quota=100 << 20),
        Person("bob@demo.test"),
        Person("carol@demo.test", password="word"),
        Other("info@demo.test", ("alice@demo.test",)),
        Other("all@demo.test", ("alice@demo.test", "x@else.test")),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "is no XML"),
        ("<a/>", "has no Domain"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares entities"),
    ],
)
def test_what_is_no_backup_of_hmailserver(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read(text, "hmailserver")


@pytest.mark.parametrize("form", ["postfix-aliases", "postfix-virtual", "dovecot-passwd"])
def test_an_empty_list_wishes_nothing(form: Format) -> None:
    nothing: list[Wish] = []
    assert read("\n# x\n", form) == nothing


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(Person("a@demo.test", password="secret", hash="secret"))
