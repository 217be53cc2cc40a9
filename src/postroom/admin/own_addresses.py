"""Under which addresses the Internet reaches this server."""

import contextlib
import ipaddress

from postroom.config.model import Config
from postroom.net import sockets
from postroom.net.addresses import Address, is_public
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed


async def public_addresses(config: Config, resolver: Resolver) -> list[Address]:
    """Configured, else of this machine, else what DNS tells for our name; perhaps none."""
    if config.dns.public_addresses:
        return [ipaddress.ip_address(one) for one in config.dns.public_addresses]
    own = [one for one in sockets.outward_addresses() if is_public(one)]
    if not own:
        for kind in ("A", "AAAA"):
            with contextlib.suppress(LookupFailed, InvalidName):
                answer = await resolver.lookup(config.hostname, kind)
                own += [one for one in answer.records if is_public(one)]
    return [ipaddress.ip_address(one) for one in own]
