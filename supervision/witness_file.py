"""The witness's words in a file of the store's folder, mapped into memory.

A page of a mapped file belongs to the machine: it stands when the process is gone, whatever ended it, and no call into
the system is made for a write. When the machine itself fails the words may be older than the store, or gone; then one
death too many or too few is counted to an entry, and three are needed.

A start writes a new file beside the old one and renames it, so that a start that dies finds the old one again. The
file's whole length is written, not left as a hole: on a full disk a write into a mapped hole would end the process. (On
a file system that copies on write that may happen all the same.)
"""

from __future__ import annotations

import mmap
import os
import struct
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from supervision.witness import WORDS, Cell, Kept, Stand, begin_again, kept_in

WITNESS_FILE = "witness"
_LENGTH = struct.Struct("=Q")

log = structlog.get_logger("witness")


class FileWitness:
    """Of the store in `folder`, whose lock the caller holds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / WITNESS_FILE

    def begin(self, cells: Sequence[Cell]) -> Mapping[Cell, Stand]:
        """See Witness. When the file cannot be written, on a full disk say, what the last process has left still
        counts, and of this one nobody will know.
        """
        kept = _read(self._path)
        try:
            stands = self._begin(kept, cells)
        except OSError as error:
            log.error("nobody will know at which entry this process dies", error=str(error))
            return begin_again(kept, cells, array("Q", bytes(8 * WORDS * len(cells))))
        for (segment, domain), stand in stands.items():
            for suspect in (stand.suspects.one, stand.suspects.several):
                if suspect is not None:
                    log.warning(
                        "the process died at an entry", domain=domain, segment=segment, offset=suspect.offset,
                        entries=suspect.span, times=suspect.times,
                    )  # fmt: skip
        return stands

    def _begin(self, kept: Mapping[Cell, Kept], cells: Sequence[Cell]) -> Mapping[Cell, Stand]:
        head = _head(cells)
        part = self._path.with_suffix(".part")
        part.write_bytes(head + bytes(8 * WORDS * len(cells)))
        with part.open("r+b") as file:
            words = memoryview(mmap.mmap(file.fileno(), 0))[len(head) :].cast("Q")
        stands = begin_again(kept, cells, words)
        os.replace(part, self._path)
        return stands


def _head(cells: Sequence[Cell]) -> bytes:
    """The cells in their order, and before them how long that is, filled up to whole words."""
    names = msgspec.json.encode(cells)
    return _LENGTH.pack(len(names)) + names + b" " * (-len(names) % 8)


def _read(path: Path) -> Mapping[Cell, Kept]:
    """What the last process has left; nothing when there was none, or when it makes no sense."""
    try:
        data = path.read_bytes()
        (length,) = _LENGTH.unpack_from(data)
        cells = msgspec.json.decode(data[8 : 8 + length], type=list[tuple[int, str]])
        words = memoryview(data)[len(_head(cells)) :].cast("Q")
        return kept_in(words, cells)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, struct.error, msgspec.DecodeError, TypeError, IndexError) as error:
        log.warning("what the last process was at cannot be read", error=str(error))
        return {}
