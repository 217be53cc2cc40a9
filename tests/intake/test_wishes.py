"""Parameters that milters want: each on its own, the senseless ones are told."""

from hypothesis import given, strategies as st

from postroom.intake.wishes import MAX_PARAMETERS, Wishes
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.telemetry.events import FilterUnheeded
from tests.fakes import Recorder

CAME = Mail(None, size=5, ret="FULL", envid="old")


def test_of_a_sender(events: Recorder) -> None:
    wishes = Wishes("m", "MAIL", "ret=hdrs SMTPUTF8 BODY=8BITMIME SIZE=7")
    assert wishes.of_mail(CAME) == Mail(
        None, size=7, body="8BITMIME", smtputf8=True, ret="HDRS", envid="old"
    )
    assert events.of(FilterUnheeded) == []
    assert Wishes("m", "MAIL", "").of_mail(CAME) == CAME


def test_what_makes_no_sense_is_left_out(events: Recorder) -> None:
    text = "RET=ALL RET NOTIFY=NEVER HOLDFOR=9 =x ENVID=new ?"
    assert Wishes("m", "MAIL", text).of_mail(CAME) == Mail(None, size=5, ret="FULL", envid="new")
    told = [one.what for one in events.of(FilterUnheeded)]
    assert told == ["RET=ALL", "RET", "NOTIFY=NEVER", "HOLDFOR=9", "=x", "?"]


def test_not_more_than_there_can_be(events: Recorder) -> None:
    text = "X " * MAX_PARAMETERS + "NOTIFY=NEVER " * 1_000
    assert Wishes("m", "RCPT", text).of_rcpt(Rcpt(None)) == Rcpt(None)
    assert len(events.of(FilterUnheeded)) == MAX_PARAMETERS + 1


@given(st.text(max_size=60))
def test_whatever_it_wants(text: str) -> None:
    assert Wishes("m", "RCPT", text).of_rcpt(Rcpt(None)).recipient is None
    assert Wishes("m", "MAIL", text).of_mail(CAME).sender is None
