"""How others are called over HTTP: what is asked for, and how it ended. Who calls is topology/webhooks."""
