"""The simulator: a seed draws a world, the production engine lives in it, and independent checkers watch every step.

world.py draws and runs; broker.py pretends RabbitMQ; model.py is a second, naive bookkeeping; checker.py holds the
protocol's invariants against what became durable; bugs.py plants mistakes, to show that all this would see them.
"""
