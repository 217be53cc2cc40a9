"""What ENABLE switches on."""

from postroom.protocol.imap.modes import SWITCHES, Modes


def test_what_is_known_is_switched_on_once() -> None:
    modes = Modes()
    assert modes.enable([b"X-NONE", b"CONDSTORE", b"CONDSTORE"]) == [b"CONDSTORE"]
    assert modes == Modes(condstore=True)
    assert modes.enable([b"QRESYNC", b"CONDSTORE"]) == [b"QRESYNC"]
    assert modes == Modes(condstore=True, qresync=True)


def test_what_one_brings_along() -> None:
    modes = Modes()
    assert modes.enable([b"IMAP4REV2"]) == [b"IMAP4rev2"]
    assert modes == Modes(rev2=True, utf8=True)
    assert modes.enable([b"UTF8=ACCEPT", b"UTF8=ACCEPT"]) == [b"UTF8=ACCEPT"]  # RFC 5161 §3.2
    assert modes == Modes(rev2=True, utf8=True, accept=True)


def test_every_switch_is_a_mode() -> None:
    modes = {mode for _, modes in SWITCHES.values() for mode in modes}
    assert modes == set(Modes.__struct_fields__)
    assert all(written.upper() == name for name, (written, _) in SWITCHES.items())
