"""Ganglion beside what people would use: the same purchases, the same two effects, the same broker, in one run.

(a) pika alone is the ceiling: it does no work. (b) to (e) do the work as a competent team writes it with each library
(job.py says what the work is and what it leaves open). (f) is the whole engine, fsync on. Nobody is tuned against the
others: each has the settings that its documentation recommends for this work, named in its file.
"""
