"""How much one person may ask for at a time: the limits that the session tells (RFC 8620 §2)."""

from typing import Final

MAX_UPLOADS: Final = 4  # at a time, of an account
MAX_REQUEST: Final = 10_000_000  # octets of JSON
MAX_REQUESTS: Final = 8  # at a time, of an account
MAX_CALLS: Final = 32  # methods in a request
MAX_GET: Final = 1000  # objects in one /get
MAX_SET: Final = 1000  # objects in one /set
MAX_LARGE: Final = 2  # of the requests at a time that are larger than 64 KiB
MAX_NODES: Final = 500_000  # arrays and objects of a request, and brackets in its strings
MAX_CHANGES: Final = 10_000  # ids of one /changes
MAX_DEPTH: Final = 64  # arrays and objects inside each other
MAX_REFERENCED: Final = 2_000_000  # octets, roughly, that result references bring into one call
MAX_RESPONSE: Final = 50_000_000  # octets of answers after which no further method is called
MAX_STREAMS: Final = 8  # event streams of an account

CORE: Final = "urn:ietf:params:jmap:core"
MAIL: Final = "urn:ietf:params:jmap:mail"
SUBMISSION: Final = "urn:ietf:params:jmap:submission"
VACATION: Final = "urn:ietf:params:jmap:vacationresponse"
QUOTA: Final = "urn:ietf:params:jmap:quota"
