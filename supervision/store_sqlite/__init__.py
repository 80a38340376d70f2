"""The embedded store on SQLite: see store.py for why, schema.py for the tables."""

from supervision.store_sqlite.store import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
