"""Calls to other programs over HTTP, signed as Standard Webhooks (version 1.0.0 of its specification) says.

`sender.py` is the reader of the log that owns the calls, `call.py` what one is, `verdict.py` what follows from an
attempt, `queue.py` whose turn it is; `http.py` is the thin shell that connects, `address.py` whereto it may.
"""
