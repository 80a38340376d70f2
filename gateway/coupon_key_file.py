"""`coupon_keys.json` in the data folder: the secrets of generated coupon codes (actors/coupon/code_keys.py).

Unlike API keys these cannot be hashed, codes are made with them. So a file that others than its owner may read is
refused, and the engine does not start: whoever has read it writes valid codes at home. Rotating then helps with new
codes; the old ones stay valid, because people hold them.

The first start makes the file. It is not made anew where codes were issued already: without their key they are lost, so
a missing file is an operator's matter. Who calls knows which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from actors.coupon.code_keys import KEYS_MAX, CodeKey, CodeKeys
from actors.coupon.permutation import SECRET_BYTES
from gateway.audit import AuditLog
from gateway.keys import BadKeys
from gateway.private_file import PrivateFile

COUPON_KEYS_FILE = "coupon_keys.json"
FORMAT = 1

RandomBytes = Callable[[int], bytes]


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key as the file holds it: `created` RFC 3339, `secret` in hexadecimal."""

    id: int
    created: str
    secret: str

    def key(self) -> CodeKey:
        """Raises ValueError."""
        try:
            return CodeKey(self.id, bytes.fromhex(self.secret))
        except ValueError:
            raise ValueError(f"an id is 0 to {KEYS_MAX - 1}, a secret {SECRET_BYTES * 2} hexadecimal digits") from None


class _Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[Written, ...]
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"keys of format {self.format}, this program knows {FORMAT}")
        CodeKeys(tuple(one.key() for one in self.keys))


class CouponKeyFile:
    """The coupon keys of the engine in `folder`. Any thread, several processes; calls block as the disk does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / COUPON_KEYS_FILE
        self._file = PrivateFile(self.path, "read")

    def read(self) -> CodeKeys:
        """Raises BadKeys for a file that is broken, open to others or not there."""
        return CodeKeys(tuple(one.key() for one in self._written()))

    def listed(self) -> list[dict[str, object]]:
        """All that may be said of each, oldest first. Raises BadKeys."""
        return [_shown(one) for one in self._written()]

    def create(self, random: RandomBytes, at: str, audit: AuditLog, who: str) -> None:
        """A first key, unless there is a file, of whatever kind. Raises OSError, and then there is none."""
        with self._file.changing() as put:
            if not self.path.exists():
                self._add((), random, at, audit, who, put)

    def rotate(self, random: RandomBytes, at: str, audit: AuditLog, who: str) -> int:
        """-> the id of a new key. Raises BadKeys and OSError, and then all is as before."""
        with self._file.changing() as put:
            return self._add(self._written(), random, at, audit, who, put)

    def _written(self) -> tuple[Written, ...]:
        data = self._file.read()
        if data is None:
            raise BadKeys(f"{self.path} is gone; the codes that were made with its keys cannot be read without it")
        try:
            return _decode(data).keys
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadKeys(f"{self.path}: {error}") from None

    def _add(
        self,
        before: tuple[Written, ...],
        random: RandomBytes,
        at: str,
        audit: AuditLog,
        who: str,
        put: Callable[[bytes], None],
    ) -> int:
        free = sorted(set(range(KEYS_MAX)) - {one.id for one in before})
        if not free:
            raise BadKeys(f"{self.path}: {KEYS_MAX} keys, there can be no more")
        new = Written(free[0], at, random(SECRET_BYTES).hex())
        audit.write(who, "coupon_keys.create", str(new.id), None, _shown(new))
        put(msgspec.json.format(msgspec.json.encode(_Book((*before, new))), indent=1) + b"\n")
        return new.id


def _shown(one: Written) -> dict[str, object]:
    return {"id": one.id, "created": one.created}


_decode = msgspec.json.Decoder(_Book).decode
