"""The coupon codes' keys when an engine starts: those of its file, which the first start makes.

A store whose users have coupons and that has no keys any more is not given new ones: the codes that people hold would
be nobody's, and the coupons would show others. That is an operator's matter, so the engine does not start.
"""

from __future__ import annotations

from actors.coupon.actor import CouponIssuerActor
from actors.coupon.code_keys import CodeKeys
from gateway.audit import AuditLog
from gateway.coupon_key_file import CouponKeyFile, RandomBytes
from supervision.store import Reader

FIRST_USER = "user:"
"""Before every user's subject in byte order; a segment's own and its shelves come before it."""


def keys_of(
    file: CouponKeyFile, reader: Reader, segments: int, random: RandomBytes, at: str, audit: AuditLog, who: str
) -> CodeKeys:
    """What the engine makes and reads codes with. Raises BadKeys and OSError."""
    if not file.path.exists() and not _has_coupons(reader, segments):
        file.create(random, at, audit, who)
    return file.read()


def _has_coupons(reader: Reader, segments: int) -> bool:
    """Whether any user has, or had, a coupon of this store."""
    return any(reader.subjects_after(segment, CouponIssuerActor.name, FIRST_USER, 1) for segment in range(segments))
