"""Coupon codes: made without a collision, mistyped without getting through, guessed in vain.

    python -m bench codes [--codes N=10,000,000] [--mistyped N=10,000]

A collision is looked for among 8-byte digests, a part of them at a time, so that ten million take 80 MB: two different
codes have the same digest once in 370,000 such runs. Every mistyping is given to the function that a customer's is
given to. How many tries a guess takes follows from the number of codes that there could be; that the rule holds is
measured where there are few enough, with six symbols instead of 21. How many tries a year has, the guard is asked by
somebody who always tries as soon as he may.
"""

from __future__ import annotations

import argparse
import time
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from random import Random
from string import ascii_uppercase, digits

from actors.coupon.alphabet import BASE
from actors.coupon.code_keys import CodeKey, CodeKeys
from actors.coupon.code_pattern import DEFAULT, OVERHEAD_CHARS, CodePattern
from actors.coupon.codes import MISTYPED, code_of, locate
from actors.coupon.guard import HOUR_MS, LIMITS, UNKNOWN_WEIGHT, Guard, GuardLimits, judge, missed
from actors.coupon.permutation import SECRET_BYTES, Permutation
from bench.points import microseconds
from bench.process import end_in_order
from bench.report import Number, report

SEGMENTS = 16
KEYS = CodeKeys((CodeKey(0, bytes(SECRET_BYTES)), CodeKey(1, bytes([1]) * SECRET_BYTES)))
XMAS = CodePattern("XMAS", (4, 4, 4, 4, 4, 4), 24)
SHORT = CodePattern("", (5, 5, 5, 5), 20)
PARTS = 64
TIMED = 50_000
VALID = 1_000_000
GUESSED_SYMBOLS = 6
GUESSED = 5_000
YEAR_MS = 365 * 24 * HOUR_MS


def mistypings(code: str) -> Iterator[str]:
    """Every wrong letter or digit in every place, and every swap of neighbours, each once."""
    for place, right in enumerate(code):
        for wrong in digits + ascii_uppercase:
            if wrong != right:
                yield code[:place] + wrong + code[place + 1 :]
    for place, (one, other) in enumerate(pairwise(code)):
        if one != other:
            yield code[:place] + other + one + code[place + 2 :]


def collisions(codes: int) -> int:
    """Among `codes` codes of two keys and all segments."""
    parts = [array("Q") for _ in range(PARTS)]
    for n in range(codes):
        code = code_of(KEYS.keys[n & 1], DEFAULT, n // 2 % SEGMENTS, n // 2 // SEGMENTS)
        digest = int.from_bytes(blake2b(code.encode(), digest_size=8).digest())
        parts[digest % PARTS].append(digest)
    return sum(one == other for part in parts for one, other in pairwise(sorted(part)))


def accepted(codes: int) -> tuple[int, int]:
    """(mistypings of `codes` codes, how many of them were not called mistyped)."""
    tried = passed = 0
    for n in range(codes):
        pattern = (DEFAULT, XMAS, SHORT)[n % 3]
        for typo in mistypings(code_of(KEYS.newest, pattern, n % SEGMENTS, n).replace("-", "")):
            tried += 1
            passed += locate(typo, KEYS, SEGMENTS) is not MISTYPED
    return tried, passed


def tries(symbols: int) -> float:
    """Expected, to guess one of VALID codes of so many symbols."""
    return BASE**symbols / VALID


def measured_tries() -> float:
    """The same by guessing, with GUESSED_SYMBOLS: the mean of GUESSED guesses."""
    permutation, rng = Permutation(KEYS.newest.secret, b"", GUESSED_SYMBOLS), Random(1)
    made = found = 0
    while found < GUESSED:
        made += 1
        found += permutation.deciphered(rng.randrange(BASE**GUESSED_SYMBOLS)) < VALID
    return made / found


def tries_of_a_year(limits: GuardLimits) -> int:
    """That the guard looks at, of codes with right check characters."""
    guard, at, looked_at = Guard(), 0, 0
    while (at := at + judge(guard, at)) < YEAR_MS:
        guard = missed(guard, at, UNKNOWN_WEIGHT, limits)
        looked_at += 1
    return looked_at


def guesses() -> Iterator[Number]:
    """What it takes to guess one of a million valid codes."""
    yield Number(f"tries with {GUESSED_SYMBOLS} symbols, by the rule", tries(GUESSED_SYMBOLS), "tries")
    yield Number(f"tries with {GUESSED_SYMBOLS} symbols, measured", measured_tries(), "tries")
    kinds = {"default": tries(DEFAULT.length - OVERHEAD_CHARS), "short": tries(SHORT.length - OVERHEAD_CHARS)}
    for kind, expected in kinds.items():
        yield Number(f"expected tries, {kind} code", expected, "tries", ">= 1e+16")
    for who, limits in LIMITS.items():
        a_year = tries_of_a_year(limits)
        yield Number(f"tries of a year under the guard, one {who}", a_year, "tries")
        for kind, expected in kinds.items():
            yield Number(f"time under the guard, one {who}, {kind} code", expected / a_year, "years")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench codes", description="coupon codes made, mistyped and guessed")
    parser.add_argument("--codes", type=int, default=10_000_000)
    parser.add_argument("--mistyped", type=int, default=10_000, help="codes, of each all mistypings")
    options = parser.parse_args()
    end_in_order()
    serials = iter(range(10**9))
    code = code_of(KEYS.newest, DEFAULT, 3, 4)
    making = microseconds(lambda: code_of(KEYS.newest, DEFAULT, 7, next(serials)), TIMED)
    reading = microseconds(lambda: locate(code, KEYS, SEGMENTS), TIMED)
    began = time.process_time()
    found = collisions(options.codes)
    rate = options.codes / (time.process_time() - began)
    tried, passed = accepted(options.mistyped)
    numbers = [
        Number("CPU of a code made", making, "us", "<= 15"),
        Number("CPU of a code read", reading, "us"),
        Number("codes made and compared", options.codes, "codes"),
        Number("in a second of CPU", rate, "codes/s"),
        Number("collisions", found, "", "0"),
        Number("mistypings and swaps tried", tried, "codes"),
        Number("of them not refused", passed, "codes", "0"),
        *guesses(),
    ]
    settings = {"codes": options.codes, "mistyped": options.mistyped, "segments": SEGMENTS, "valid": VALID}
    report("codes", numbers, settings, "a try is a code whose check characters are right, as 1 made-up code in 529 is")
    assert found == 0 and passed == 0, (found, passed)


if __name__ == "__main__":
    main()
