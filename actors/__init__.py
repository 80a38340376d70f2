"""What marketing means: one package per domain, a pure core beside a thin actor. Knows nothing of AMQP, HTTP or SQL."""
