"""How messages travel: exchanges and queues as data, both doors' reading of a message, bridge (in) and relay (out).

`table.py` and `definitions.py` say what the broker should hold; `wire.py` turns bytes into items for the log;
`bridge.py` and `relay.py` are state machines over `ports.py`; `amqp_*.py` are the thin shells that own pika's
connections. Knows of marketing only what `actors/registry.py` lists, and of HTTP nothing.
"""
