"""Generated codes: how they are made and read, what is caught without a look-up, and what nobody can make up."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.coupon.alphabet import ALPHABET, BASE, bits, number_of, spelled
from actors.coupon.check import START, added, check_characters, fits
from actors.coupon.code_keys import KEYS_MAX, CodeKey, CodeKeys
from actors.coupon.code_pattern import (
    DEFAULT,
    LENGTHS,
    OVERHEAD_CHARS,
    PREFIX_CHARS_MAX,
    RANDOM_BITS_MIN,
    CodePattern,
    code_pattern,
)
from actors.coupon.codes import MISTYPED, SEGMENTS_MAX, SERIAL_BITS, UNKNOWN, Located, code_of, locate
from actors.coupon.permutation import SECRET_BYTES, Permutation
from actors.coupon.spelling import normal
from bench.codes import mistypings

OLD = CodeKey(3, bytes(range(SECRET_BYTES)))
NEW = CodeKey(0, bytes(range(1, SECRET_BYTES + 1)))
KEYS = CodeKeys((OLD, NEW))
SHORT = CodePattern("", (5, 5, 5, 5), 20)
XMAS = CodePattern("XMAS", (4, 4, 4, 4, 4, 4), 24)

segments = st.integers(0, SEGMENTS_MAX - 1)
serials = st.integers(0, (1 << SERIAL_BITS) - 1)
prefixes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", max_size=PREFIX_CHARS_MAX)
patterns = st.builds(
    lambda prefix, shape: CodePattern(prefix, shape, sum(shape)),
    prefixes,
    st.sampled_from(((20,), (5, 5, 5, 5), (4,) * 6, (24,), (8, 8, 8))),
)


def plain(code: str) -> str:
    found = normal(code)
    assert isinstance(found, str)
    return found


def with_checks(text: str) -> str:
    """What a stranger makes who knows the rules and no key."""
    return text + check_characters(added(START, text))


@given(segments, serials, patterns, st.sampled_from(KEYS.keys))
def test_a_code_leads_to_its_segment_and_its_serial(
    segment: int, serial: int, pattern: CodePattern, key: CodeKey
) -> None:
    code = code_of(key, pattern, segment, serial)
    assert locate(code, KEYS, SEGMENTS_MAX) == Located(segment, serial, key.id)


def test_a_code_stays_what_it_is_in_every_version_of_the_program() -> None:
    """People hold them."""
    assert code_of(OLD, DEFAULT, 7, 12_345) == "PKJ4-N29N-2RP4-4W63-5XWY-29W8"
    assert code_of(OLD, XMAS, 7, 12_345) == "XMAS-WX4X-6WDT-M5C3-9R52-4FY6-W986"
    assert code_of(OLD, SHORT, 7, 12_345) == "HTMYJ-8P42N-46KPF-VV85Y"


def test_a_code_looks_as_its_pattern_says() -> None:
    for text in ("XMAS-####-####-####-####-####-####", "########-############", "2-####################"):
        pattern = code_pattern(text)
        assert isinstance(pattern, CodePattern)
        form = text.replace("#", f"[{ALPHABET}]")
        assert re.fullmatch(form, code_of(NEW, pattern, 1, 1))


@given(serials, st.randoms(use_true_random=False))
def test_a_code_is_read_however_it_is_typed(serial: int, random: object) -> None:
    code = code_of(NEW, XMAS, 5, serial)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    for typed in (code.lower(), code.replace("-", ""), f"\t{code} \n", code.replace("-", " – "), wide, wide.lower()):
        assert locate(typed, KEYS, 16) == Located(5, serial, NEW.id)


@given(segments, serials, segments, serials, patterns)
def test_two_coupons_have_two_codes(one: int, first: int, other: int, second: int, pattern: CodePattern) -> None:
    assume((one, first) != (other, second))
    assert code_of(NEW, pattern, one, first) != code_of(NEW, pattern, other, second)


def test_neighbouring_coupons_have_nothing_in_common() -> None:
    """Of 24 characters some agree by chance; never the header's neighbourhood more than elsewhere."""
    codes = [plain(code_of(NEW, DEFAULT, 0, serial)) for serial in range(2_000)]
    for place in range(DEFAULT.length - OVERHEAD_CHARS):
        same = sum(a[place] == b[place] for a, b in pairwise(codes))
        assert same < 2_000 / BASE * 2
        assert {code[place] for code in codes} == set(ALPHABET)


@pytest.mark.parametrize(("segment", "serial"), [(-1, 0), (SEGMENTS_MAX, 0), (0, -1), (0, 1 << SERIAL_BITS)])
def test_a_place_that_a_code_cannot_hold_is_a_bug(segment: int, serial: int) -> None:
    with pytest.raises(ValueError, match="at most 65536"):
        code_of(NEW, DEFAULT, segment, serial)


def every_mistyping_is_caught(codes: int) -> None:
    for n in range(codes):
        code = plain(code_of(KEYS.keys[n % 2], (DEFAULT, XMAS, SHORT)[n % 3], n % 16, n * n))
        for typo in mistypings(code):
            assert locate(typo, KEYS, 16) is MISTYPED, (code, typo)


def test_every_wrong_character_and_every_swap_of_neighbours_is_caught_without_a_look_up() -> None:
    every_mistyping_is_caught(150)


@pytest.mark.long
def test_every_mistake_in_ten_thousand_codes_is_caught_without_a_look_up() -> None:
    every_mistyping_is_caught(10_000)


def test_the_mistypings_are_all_there_are() -> None:
    found = list(mistypings("A22B"))
    assert len(found) == len(set(found)) == 4 * 35 + 2
    assert {"2A2B", "A2B2", "A22A", "022B"} <= set(found) and "A22B" not in found


def test_a_swap_with_a_dash_or_a_letter_in_the_wrong_case_is_no_mistake() -> None:
    code = code_of(NEW, DEFAULT, 1, 1)
    assert locate(f"{code[:3]}-{code[3]}{code[5:]}", KEYS, 16) == Located(1, 1, NEW.id)


@given(serials, st.data())
def test_two_wrong_characters_of_the_random_part_are_caught_too(serial: int, data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from((DEFAULT, XMAS, SHORT)))
    code = list(plain(code_of(NEW, pattern, 1, serial)))
    first = len(code) - pattern.length
    for place in data.draw(st.lists(st.integers(first, len(code) - 1), min_size=2, max_size=2, unique=True)):
        code[place] = data.draw(st.sampled_from(ALPHABET.replace(code[place], "")))
    assert locate("".join(code), KEYS, 16) is MISTYPED


@given(st.text(ALPHABET, min_size=3, max_size=36), st.data())
def test_any_two_characters_that_change_places_are_caught(text: str, data: st.DataObject) -> None:
    code = list(with_checks(text))
    one, other = data.draw(st.lists(st.integers(0, len(code) - 1), min_size=2, max_size=2, unique=True))
    assume(code[one] != code[other])
    code[one], code[other] = code[other], code[one]
    assert not fits("".join(code))


def test_what_the_proof_of_the_check_characters_rests_on() -> None:
    powers = [(1, 0)]
    while len(powers) < 529:
        a, b = powers[-1]
        powers.append((4 * b % BASE, (a + b) % BASE))
    assert powers[528] == powers[0] and len(set(powers[:528])) == 528, "x is primitive"
    assert [n for n in range(1, 528) if powers[n][1] == 0] == list(range(24, 528, 24)), "in the field of 23"
    assert max(LENGTHS) <= 24


def test_the_alphabet_holds_no_two_that_look_alike_and_no_vowel() -> None:
    assert BASE == len(set(ALPHABET)) == 23 and list(ALPHABET) == sorted(ALPHABET)
    for group in ("0ODQ", "1ILJ", "2Z", "5S", "8B", "6G", "UV"):
        assert len(set(group) & set(ALPHABET)) <= 1
    assert not set("AEIOU") & set(ALPHABET)


@given(st.integers(1, 24), st.data())
def test_numbers_are_spelled_and_read(symbols: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, BASE**symbols - 1))
    text = spelled(number, symbols)
    assert len(text) == symbols and number_of(text) == number


def test_a_permutation_gives_every_number_once() -> None:
    for symbols in (2, 3):
        permutation = Permutation(OLD.secret, b"", symbols)
        found = [permutation.enciphered(n) for n in range(BASE**symbols)]
        assert sorted(found) == list(range(BASE**symbols)) and found != sorted(found)
        assert [permutation.deciphered(n) for n in found] == list(range(BASE**symbols))


@given(st.integers(0, BASE**21 - 1))
def test_key_and_tweak_each_make_another_permutation(number: int) -> None:
    made = {
        Permutation(secret, tweak, 21).enciphered(number)
        for secret in (OLD.secret, NEW.secret)
        for tweak in (b"24 ", b"24 XMAS")
    }
    assert len(made) == 4


def test_a_new_key_makes_and_the_old_ones_still_read() -> None:
    before, after = CodeKeys((OLD,)), KEYS
    old = code_of(before.newest, DEFAULT, 3, 4)
    new = code_of(after.newest, DEFAULT, 3, 4)
    assert old != new and after.newest is NEW
    assert locate(old, before, 16) == locate(old, after, 16) == Located(3, 4, OLD.id)
    assert locate(new, after, 16) == Located(3, 4, NEW.id)
    assert locate(new, before, 16) is UNKNOWN


@given(serials, st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_a_code_of_another_shops_key_is_unknown(serial: int, secret: bytes) -> None:
    assume(secret != NEW.secret)
    assert locate(code_of(CodeKey(NEW.id, secret), DEFAULT, 1, serial), KEYS, 16) is UNKNOWN


@given(st.text(ALPHABET, min_size=21, max_size=21), st.sampled_from(KEYS.keys))
def test_who_knows_all_but_the_key_makes_up_nothing_that_is_known(cipher: str, key: CodeKey) -> None:
    header = ALPHABET[key.id * 2 + 1]
    assert locate(with_checks(cipher + header), KEYS, 16) is UNKNOWN


@given(serials, prefixes)
def test_a_code_under_another_prefix_is_unknown(serial: int, prefix: str) -> None:
    assume(prefix != "XMAS")
    random = plain(code_of(NEW, XMAS, 1, serial))[len("XMAS") : -2]
    assert locate(with_checks(prefix + random), KEYS, 16) is UNKNOWN


def test_a_place_in_a_segment_that_there_is_not_is_unknown() -> None:
    code = code_of(NEW, DEFAULT, 16, 1)
    assert locate(code, KEYS, 16) is UNKNOWN
    assert locate(code, KEYS, 17) == Located(16, 1, NEW.id)


@pytest.mark.parametrize("text", ["", "DOUBLE11", "é" * 24, "2" * 101, "2" * 24, "双" * 20, "?" * 24, "\udcff" * 24])
def test_what_is_no_code_at_all_is_mistyped(text: str) -> None:
    assert locate(text, KEYS, 16) is MISTYPED


@given(st.text(ALPHABET, min_size=1, max_size=33))
def test_right_check_characters_alone_never_pass(text: str) -> None:
    """Headers of no key, lengths that do not go with them, texts that are too short."""
    assert locate(with_checks(text), KEYS, 16) in (MISTYPED, UNKNOWN)


def test_a_header_that_no_key_has_is_unknown_or_mistyped() -> None:
    for n, header in enumerate(ALPHABET):
        code = with_checks("X" * (17 if n % 2 == 0 else 21) + header)
        assert locate(code, KEYS, 16) is (MISTYPED if n // 2 >= KEYS_MAX else UNKNOWN)


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    assert locate(text, KEYS, 16) is MISTYPED


def test_the_figures_of_the_essays() -> None:
    assert [round(bits(length - OVERHEAD_CHARS), 1) for length in LENGTHS] == [76.9, 95.0]
    assert bits(min(LENGTHS) - OVERHEAD_CHARS) >= RANDOM_BITS_MIN


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "pattern"), ("XMAS", "pattern"), ("XMAS####", "pattern"), ("-####", "pattern"),
        ("X Y-" + "#" * 20, "pattern"), ("É-" + "#" * 20, "pattern"), ("#" * 61, "pattern"),
        ("#" * 10 + "--" + "#" * 10, "pattern"), ("A" * (PREFIX_CHARS_MAX + 1) + "-" + "#" * 20, "prefix_too_long"),
        ("XMAS-" + "#" * 17, "random_part_too_short"), ("#", "random_part_too_short"),
        ("#" * 18, "random_part_length"), ("#" * 25, "random_part_length"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_is_refused_with_the_limit(text: str, code: str) -> None:
    refused = code_pattern(text)
    assert isinstance(refused, Refusal) and (refused.code, refused.field) == (code, "code_pattern")
    assert "20 or 24 #" in refused.message


def test_a_short_random_part_is_told_its_bits() -> None:
    refused = code_pattern("XMAS-####-####-####")
    assert isinstance(refused, Refusal) and "12 # are 41 bits to guess, at least 64" in refused.message


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), "at least 1"), ((OLD, CodeKey(OLD.id, NEW.secret)), "same id"),
        (tuple(CodeKey(n % KEYS_MAX, NEW.secret) for n in range(KEYS_MAX + 1)), f"at most {KEYS_MAX}"),
    ],
)  # fmt: skip
def test_keys_are_at_least_one_and_each_has_its_own_id(keys: tuple[CodeKey, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CodeKeys(keys)


def test_a_key_has_an_id_that_fits_and_a_whole_secret_that_is_never_printed() -> None:
    for id, secret in ((-1, NEW.secret), (KEYS_MAX, NEW.secret), (0, b"short")):
        with pytest.raises(ValueError, match="0 to 10" if len(secret) == SECRET_BYTES else "32 bytes"):
            CodeKey(id, secret)
    assert NEW.__rich_repr__() == [("id", 0)]
    assert repr(KEYS) == str(KEYS) == "CodeKeys(keys=(CodeKey(id=3, secret=…), CodeKey(id=0, secret=…)))"


def test_as_many_keys_as_there_may_be_are_all_told_apart() -> None:
    keys = CodeKeys(tuple(CodeKey(n, bytes([n]) * SECRET_BYTES) for n in range(KEYS_MAX)))
    for key in keys.keys:
        for pattern in (DEFAULT, SHORT):
            assert locate(code_of(key, pattern, 2, 9), keys, 16) == Located(2, 9, key.id)
