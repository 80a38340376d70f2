"""Putting another store in the place of one that is there, so that a power cut or a kill at any moment leaves the
old one or the new one, never a file with the write-ahead log of another.

Several files have to move and no call moves them together. So the decision is one rename: the new file, whole and
synced, gets the name READY. Before that nothing of the old store was touched. From then on whoever opens the folder
next, the restore itself or a starting engine, first finishes what was decided: moves what is left of the old store
into the newest folder `replaced-N`, and when all of it is durably gone gives the new file its name. Finishing can be
cut short anywhere and begun anew.

The old store's main file moves first: who has opened that file and still finds it there knows that its log was there.
"""

from __future__ import annotations

import os
from pathlib import Path

from supervision.store_sqlite.files import COMPANIONS, STORE_FILE, beside, sync
from supervision.witness_file import WITNESS_FILE

READY = f"{STORE_FILE}.restored"
ASIDE = "replaced-"


def decided(folder: Path) -> bool:
    """A new store stands ready that has not taken its place yet."""
    return (folder / READY).exists()


def holds_a_store(folder: Path) -> bool:
    """Or what may be a part of one."""
    return any(path.exists() and path.stat().st_size for path in _files(folder))


def replace(folder: Path, new: Path) -> Path | None:
    """Put `new`, a synced file in `folder` without companions, in the store's place; -> where the old one went.

    Under the folder's lock.
    """
    assert not any(path.exists() for path in _files(folder, new.name)[1:]), "the new file has a log of its own"
    if any(path.exists() for path in _files(folder)):
        (folder / f"{ASIDE}{_newest(folder) + 1}").mkdir()
        sync(folder)
    os.rename(new, folder / READY)
    sync(folder)
    return finish(folder)


def finish(folder: Path) -> Path | None:
    """What a `replace` decided, if one was cut short; -> where the old store is. Under the folder's lock."""
    if not decided(folder):
        return None
    old = [path for path in _files(folder) if path.exists()]
    aside = folder / f"{ASIDE}{_newest(folder)}" if _newest(folder) else None
    if old and aside is None:
        aside = folder / f"{ASIDE}1"
        aside.mkdir()
    for path in old:
        assert aside is not None
        assert not (aside / path.name).exists(), f"{aside} is an earlier store's"
        os.rename(path, aside / path.name)
    if aside is not None:
        sync(aside)
    sync(folder)
    (folder / WITNESS_FILE).unlink(missing_ok=True)  # of entries that are others in this log
    os.rename(folder / READY, folder / STORE_FILE)
    sync(folder)
    return aside


def _files(folder: Path, name: str = STORE_FILE) -> list[Path]:
    """A store's file and what may be beside it, in the order in which they move."""
    return [folder / name, *(beside(folder / name, companion) for companion in COMPANIONS)]


def _newest(folder: Path) -> int:
    numbers = [path.name.removeprefix(ASIDE) for path in folder.glob(f"{ASIDE}*")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)
