"""What happens, told once: a closed list of typed events = log lines = counters.

``events`` is the list, ``sink.emit`` tells one, ``sink.Sink`` limits, counts and writes.
Nothing here knows where the events come from.
"""
