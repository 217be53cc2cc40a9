"""Outbound: messages leave for other servers, and their senders learn the truth.

    dispatcher -> queue.claims            batches that are due, one a destination
    express    <- post                    fresh messages, straight from their commit
    courier -> router -> exchangers       where to: a relay, the MX hosts, a mailbox here
            -> tls_policy -> pool, peer   over which connection
            -> content                    what: signed, re-encoded where needed
            -> settler -> queue.settling  what came of it: delivered, later, returned

``peer`` drives ``protocol.smtp.client``. Whatever happens to a message ends in ``settler``:
one transaction with the ledger, and with the notice to the sender if there is one.
"""
