"""Other programs that judge messages, each spoken to in its own protocol.

``external`` is the stage: it holds the deadline, what happens on failure, and the most that a
filter's word can do. The others know one protocol each and make a ``Finding`` of the answer.
"""
