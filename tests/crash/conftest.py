"""The fixture of this folder: a shop, an engine and a receiver on a virtual host of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.crash.ordeal import Ordeal


@pytest.fixture
def ordeal(broker: str, tmp_path: Path) -> Iterator[Callable[[int, int], Ordeal]]:
    """Makes one of (seed, users); ended with the test."""
    with ExitStack() as stack:
        yield lambda seed, users: stack.enter_context(closing(Ordeal(broker, tmp_path, seed, users)))
