from postroom.sieve.actions import FileInto, Notify, Vacation
from tests.sieve.desk import actions, problems

NEEDED = 'require ["vacation", "enotify", "fcc", "mailbox", "imap4flags", "special-use", "copy"];'


def test_copies_of_what_is_sent() -> None:
    answer, _ = actions(NEEDED + 'vacation :fcc "Sent" :create :flags "\\\\Seen" "gone";')
    assert isinstance(answer, Vacation)
    assert answer.fcc == FileInto(mailbox="Sent", create=True, flags=("\\Seen",))
    notice, _ = actions(NEEDED + 'notify :fcc "Sent" :specialuse "\\\\Sent" "mailto:a@b.example";')
    assert isinstance(notice, Notify)
    assert notice.fcc == FileInto(mailbox="Sent", special_use="\\Sent")


def test_what_goes_with_fcc_only() -> None:
    assert problems(NEEDED + 'vacation :create "gone";')[0].endswith(
        "vacation: :create needs :fcc beside it"
    )
    assert problems(NEEDED + 'notify :fcc "" "mailto:a@b.example";')
