"""Measurements of Ganglion: `python -m bench` runs all, `python -m bench NAME` one, options behind it.

A measurement starts what it measures by itself (a private RabbitMQ, the real program, an empty store), prints a small
table and keeps it in bench/results/NAME.json with the machine, the versions and the date. Nothing in tests compares a
time with another: a busy machine is not a defect. Clocks are read here freely, since nothing here is part of the
engine.
"""
