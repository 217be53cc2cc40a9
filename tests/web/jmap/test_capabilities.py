"""What this server can do."""

from pathlib import Path

import msgspec

from postroom.config.model import Config, Limits
from postroom.web.jmap.capabilities import LARGEST
from tests.conftest import Opener
from tests.web.jmap.client import CONFIG, CORE, Client, tell


def test_messages_without_a_limit_do_not_make_uploads_without_one(
    database: Opener, data: Path
) -> None:
    async def story(client: Client) -> None:
        assert client.session["capabilities"][CORE]["maxSizeUpload"] == LARGEST

    config: Config = msgspec.structs.replace(CONFIG, limits=Limits(max_message=0))
    tell(database, data, story, config=config)
