"""Money: integers of minor units inside, and the two ways in which it is written outside.

The field decides the unit, never the form of the JSON number: `500` and `500.00` are the same number to every JSON
library on the way to us, so a unit that hung on the form would change with a sender's serializer. The seed's fields
(SEED_FIELDS) are major units of the default currency. Ours (`amount`, `unit_price`, `*_minor`) are integers of minor
units, or strings in major units; a number with a fraction or an exponent there is refused, since nobody can tell which
of the two its sender meant.

Both are read from the text itself, digit by digit. A binary float never exists, so nothing is rounded: what does not
come out as whole minor units is a mistake of its sender, and the refusal says how many decimal places there are.

Minor units are those of ISO 4217, as written here. Locale data (Babel's) is no substitute: it says how many places
people like to see (none for HUF), not in what units amounts are held. A code that was withdrawn in the last years
stays, because orders of its time are still refunded.
"""

from __future__ import annotations

import re

import msgspec

from actors.commands import Refusal

AMOUNT_MAX = 10**15
"""Minor units; ten trillion yuan. Sums of thousands of them fit in 64 bits."""
DEFAULT_CURRENCY = "CNY"
"""The seed's, where neither the message nor the settings say one."""
TEXT_BYTES_MAX = 64
"""Of a number as written; every amount has a shorter way to be written."""

SEED_FIELDS = frozenset(
    ("order_amount", "order_value", "price", "cart_total_value", "total_value", "min_cart_value", "min_amount")
)
"""Fields of the seed's messages that are major units of the default currency; see `is_seed_field` for the rest."""
_SEED_PREFIX = "purchase_amount_"

_EXPONENT_0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_EXPONENT_2 = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO
NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB
TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL
"""
_EXPONENT_3 = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENT_4 = "CLF UYW"
EXPONENTS = {
    code: exponent
    for exponent, codes in ((0, _EXPONENT_0), (2, _EXPONENT_2), (3, _EXPONENT_3), (4, _EXPONENT_4))
    for code in codes.split()
}
"""Currency code -> how many decimal places its minor unit has."""

_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_string = msgspec.json.Decoder(str).decode


def is_seed_field(name: str) -> bool:
    """Whether `name` is one of the seed's: major units of the default currency, for `minor_of_seed`."""
    return name in SEED_FIELDS or name.startswith(_SEED_PREFIX)


def minor_of_seed(raw: bytes, currency: str, field: str) -> int | Refusal:
    """Minor units of a JSON number in major units of `currency`, a known code. `field` is where it stood.

    >>> [minor_of_seed(number, "CNY", "price") for number in (b"500", b"5e2", b"500.00", b"0.01")]
    [50000, 50000, 50000, 1]
    """
    raw = bytes(raw)  # a Raw calls itself bytes and has none of their methods
    if not raw or raw[:1] not in b"-0123456789":
        return Refusal("wrong_type", field, f"{field} must be a JSON number, {_limit(currency)}")
    return _minor(raw.decode(errors="replace"), currency, field)


def minor_of_ours(raw: bytes, currency: str, field: str) -> int | Refusal:
    """Minor units of one of our fields: an integer of them, or a string in major units of `currency`, a known code.

    >>> minor_of_ours(b"50000", "CNY", "amount"), minor_of_ours(b'"500.00"', "CNY", "amount")
    (50000, 50000)
    """
    raw = bytes(raw)
    if raw[:1] == b'"':
        text = _text(raw)
        if text is None or len(text) > TEXT_BYTES_MAX or not _PLAIN.fullmatch(text):
            wanted = f'digits such as "500.00" when it is a string, {_limit(currency)}'
            return Refusal("wrong_type", field, f"{field} must be {wanted}")
        return _minor(text, currency, field)
    if not raw or raw[:1] not in b"-0123456789":
        return Refusal("wrong_type", field, f"{field} must be {_ours(currency)}")
    if not raw.removeprefix(b"-").isdigit():
        return Refusal("float_amount", field, f"{field} must be {_ours(currency)}; a float is neither")
    minor = int(raw) if len(raw) <= TEXT_BYTES_MAX else -1
    return minor if 0 <= minor <= AMOUNT_MAX else _out_of_range(currency, field)


def major(minor: int, currency: str) -> str:
    """`minor` units as people read them.

    >>> major(50000, "CNY"), major(500, "JPY"), major(1, "KWD")
    ('500.00', '500', '0.001')
    """
    exponent = EXPONENTS[currency]
    if not exponent:
        return str(minor)
    whole, part = divmod(abs(minor), 10**exponent)
    return f"{'-' if minor < 0 else ''}{whole}.{part:0{exponent}}"


def _text(raw: bytes) -> str | None:
    try:
        return _string(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # half a character, which a Raw does not look for


def _minor(text: str, currency: str, field: str) -> int | Refusal:
    number = _NUMBER.fullmatch(text) if len(text) <= TEXT_BYTES_MAX else None
    if number is None:
        return Refusal("wrong_type", field, f"{field} must be a number of at most {TEXT_BYTES_MAX} characters")
    sign, whole, part, power = number[1], number[2], number[3] or "", int(number[4] or 0)
    digits = (whole + part).lstrip("0")
    if not digits:
        return 0
    significant = digits.rstrip("0")
    # The number is `significant` × 10^zeros minor units; powers of any size are compared, never worked out.
    zeros = power - len(part) + EXPONENTS[currency] + len(digits) - len(significant)
    if zeros < 0:
        return Refusal("too_precise", field, f"{field} must be {_limit(currency)}, which {text} is not")
    if sign or len(significant) + zeros > len(str(AMOUNT_MAX)):
        return _out_of_range(currency, field)
    minor = int(significant) * 10**zeros
    return minor if minor <= AMOUNT_MAX else _out_of_range(currency, field)


def _limit(currency: str) -> str:
    exponent = EXPONENTS[currency]
    places = f"of at most {exponent} decimal places" if exponent else "without decimal places"
    return f"an amount of {currency} {places}"


def _ours(currency: str) -> str:
    return f"an integer of minor units of {currency} or a string in major units"


def _out_of_range(currency: str, field: str) -> Refusal:
    return Refusal("out_of_range", field, f"{field} must be from 0 to {major(AMOUNT_MAX, currency)} {currency}")
