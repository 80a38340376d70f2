"""The HTTP side: what applications hand in and ask, what operators look at and decide.

`app.build_app` makes the application of the engine's ports, `server.HttpServer` serves it, `wiring.Wiring` builds an
engine.
"""
