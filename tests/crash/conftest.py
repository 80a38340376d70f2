"""The fixture of this folder: a shop, an engine and a receiver on a virtual host of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.crash.ordeal import Ordeal


@pytest.fixture
def ordeal(broker: str, tmp_path: Path) -> Iterator[Callable[..., Ordeal]]:
    """Makes one of (seed, users) and an ordeal's options; ended with the test."""

    def make(seed: int, users: int, *options: str, **more: Any) -> Ordeal:
        return stack.enter_context(closing(Ordeal(broker, tmp_path, seed, users, *options, **more)))

    with ExitStack() as stack:
        yield make
