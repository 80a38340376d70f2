"""Measurements of Ganglion: `python -m bench` makes all, `python -m bench NAME` one, options behind it.

A measurement starts what it measures by itself (a private RabbitMQ, a private Redis, the real program, an empty store),
prints a small table and keeps it in bench/results/NAME.json with the machine, the versions and the date. Nothing in
tests compares a time with another: a busy machine is not a defect. Clocks are read here freely, since nothing here is
part of the engine.

    points   the pure cores: a reaction's CPU, an account's bytes
    store    SQLite alone: CPU and disk per event
    drain    the whole engine works off a backlog; memory over time
    parts    where its CPU goes
    timers   a million armed, ten thousand due in one second
    scale    10^3 to 10^6 users: start, cost, memory, disk
    peers    beside pika, Celery, Dramatiq, FastStream: rates, ratios, latencies
    plots    pictures of all that
"""
