"""The last mile: from `notify.<channel>` on the broker to whoever apprise can reach.

A program of its own, `run.py notify`, and a receiver like any other: the engine neither knows it nor waits for it.
"""
