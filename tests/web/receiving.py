"""The intake of an office: what the API sends letters through."""

from postroom.admin.office import Office
from postroom.blobs.disk import Disk
from postroom.directory.sending import Sending
from postroom.intake.intake import Intake
from postroom.intake.services import Services
from postroom.post.commit import Post
from postroom.post.notice import Budget


def intake_of(office: Office) -> Intake:
    return Intake(
        Services(
            hostname=office.config.hostname,
            limits=office.config.limits,
            directory=office.directory,
            store=office.store,
            blobs=office.blobs,
            post=Post(office.db, office.blobs, office.notify, office.clock),
            ids=office.ids,
            clock=office.clock,
            disk=Disk(office.config.folder, 0, office.clock),
            sending=Sending(office.db, office.clock, office.config.limits.sends_per_day),
            budget=Budget(office.clock, 100),
            kept=Budget(office.clock, 100),
        )
    )
