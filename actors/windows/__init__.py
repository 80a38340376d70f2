"""Counting within stretches of time: counters that conditions ask and slots that limits have, exact in every zone."""
