"""Which coupon a code is, and whose: found by the code alone, in committed state.

A generated code says its segment and serial (actors/coupon/codes.py); under the serial stands who has it. A public code
names a template and nobody. An imported one is a subject of its own, and its state says both.
"""

from __future__ import annotations

import msgspec

from actors.commands import Refusal
from actors.coupon import finding, guard, keys
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.code_keys import CodeKeys
from actors.coupon.codes import UNKNOWN, Located
from actors.coupon.directory import Directory
from actors.coupon.finding import Spelled
from actors.coupon.imported import ImportedCode, ImportedCodesActor
from actors.coupon.keys import Whose
from actors.coupon.spelling import SUBJECT, is_generated, normal
from gateway.problems import FieldError, Problem
from gateway.readers import ReaderPool
from supervision.entry import segment_of, segment_subject
from supervision.store import Reader

DOMAIN = CouponIssuerActor.name

_directory = msgspec.msgpack.Decoder(Directory).decode
_imported = msgspec.msgpack.Decoder(ImportedCode).decode
_whose = msgspec.msgpack.Decoder(Whose).decode


class CouponCodes:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int, code_keys: CodeKeys) -> None:
        self._readers = readers
        self._segments = segments
        self.code_keys = code_keys

    def owner(self, code: str) -> str:
        """Whose coupon `code` is. Raises Problem: `unknown_code`, `bad_check_character`, `bad_field` for a public code
        or an imported one that nobody has, and as the store's readers do.
        """
        with self._readers.one() as reader:
            meant = self.read(reader, code, 0)
            user = self.imported(reader, meant.code).user if isinstance(meant, Spelled) else ""
            if user:
                return user
            if not isinstance(meant, Located):
                text = "user_id must say whose use of this code is meant"
                raise Problem("bad_field", text, (FieldError("user_id", "missing", text),))
            return self.whose(reader, meant).user_id

    def read(self, reader: Reader, code: str, segment: int) -> finding.Read:
        """What `code` means, as `segment` knows it. Raises Problem."""
        meant = self.meant(code, directory(reader, segment) if _is_public(code) else Directory())
        if isinstance(meant, Refusal):
            raise refused(meant)
        if isinstance(meant, Spelled) and not self.imported(reader, meant.code).template:
            raise refused(UNKNOWN)
        return meant

    def meant(self, code: str, public: Directory) -> finding.Read | Refusal:
        """The same, given what a segment knows of public codes."""
        return finding.read(code, self.code_keys, self._segments, public)

    def imported(self, reader: Reader, code: str) -> ImportedCode:
        """What is known of an imported code, in normal form."""
        subject = SUBJECT + code
        state, _ = reader.snapshot(segment_of(subject, self._segments), ImportedCodesActor.name, subject)
        return _imported(state) if state is not None else ImportedCode()

    def use_of_imported(self, reader: Reader, segment: int, user_id: str, code: str) -> Whose | None:
        """What the user, who lives in `segment`, last used an imported code for."""
        key = keys.spelled(user_id, code)
        value = reader.load(segment, DOMAIN, [], [], [key]).keys.get(key)
        return _whose(value) if value is not None else None

    def whose(self, reader: Reader, meant: Located) -> Whose:
        """Who has the coupon, or what became of it. Raises Problem `unknown_code`."""
        key = keys.serial(meant.serial)
        value = reader.load(meant.segment, DOMAIN, [], [], [key]).keys.get(key)
        if value is None:
            raise refused(UNKNOWN)
        return _whose(value)


def directory(reader: Reader, segment: int) -> Directory:
    """Which templates a segment knows."""
    state, _ = reader.snapshot(segment, DOMAIN, segment_subject(segment))
    return _directory(state) if state is not None else Directory()


def refused(why: Refusal) -> Problem:
    """A code that leads to nothing."""
    errors = (FieldError(why.field, why.code, why.message),)
    return Problem(why.code, why.message, errors)


def too_many_attempts(wait_ms: int) -> Problem:
    """No code of theirs is looked at for so long."""
    why = guard.too_many_attempts(wait_ms)
    return Problem(why.code, why.message, headers={"retry-after": str(guard.wait_s(wait_ms))})


def _is_public(code: str) -> bool:
    plain = normal(code)
    return isinstance(plain, str) and not is_generated(plain)
