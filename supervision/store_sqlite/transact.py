"""A transaction of the writer that is not a batch: beginning an epoch, trimming, forgetting, closing.

Of these it does not matter whether one that failed is there after all, since they say nothing to anybody: what fails is
`Refused` and tried again. A batch is another matter; see store.py.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from supervision.store_sqlite.errors import translate

T = TypeVar("T")


def transact(db: sqlite3.Connection, work: Callable[[], T]) -> T:
    """`work` in a transaction, all or nothing. Raises the store's errors."""
    try:
        db.execute("BEGIN IMMEDIATE")
        result = work()
        db.execute("COMMIT")
    except sqlite3.Error as error:
        roll_back(db)
        raise translate(error) from error
    except BaseException:
        roll_back(db)
        raise
    return result


def read(work: Callable[[], T]) -> T:
    """`work` with SQLite's errors under the store's names."""
    try:
        return work()
    except sqlite3.Error as error:
        raise translate(error) from error


def roll_back(db: sqlite3.Connection) -> None:
    """End the transaction if there is one. What SQLite says to it is not news: the error that led here is the one to
    tell.
    """
    if db.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
