"""One text with holes: Jinja2, and of it only what ends at once whatever is written there.

A template is an operator's, and what it says is rendered in the cells of all users. So it must not be able to reach
into the process, to hang a cell, or to say something else in a replay. Values are plain strings and numbers, which a
text needs neither to take apart nor to loop over: there are no attributes, no calls, no loops, no macros and no other
files. What is left (holes, `if`, comparisons, sums, a few filters) does each of its steps once, and has no more steps
than characters. What could still grow is bounded by name: how deep things are nested, how many filters follow one
another, and how long a text comes out, which is counted while it is made. Sums are of numbers alone, since
`"x" * 1000000000` is a step too; and a list is there to look for something in (`x in ["a", "b"]`) and no value, since
`[x, x, x]` in a hole would be made whole before it is counted.

Money and dates are written as the text's language writes them, dates in the reader's zone. A number of money is minor
units, as everywhere here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from math import inf
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import StrictUndefined, TemplateError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from actors.calendar import calendar
from actors.fields import rfc3339_ms
from actors.money import EXPONENTS
from actors.notification.locales import formats_of

SOURCE_CHARS_MAX = 16_000
"""Of one text with its holes."""
DEPTH_MAX = 16
"""Nodes of a template below one another, and brackets within one another."""
FILTERS_MAX = 3
"""One after the other; each makes a text nine times as long at most."""
ENVIRONMENTS_KEPT = 64

AT_MAX = 253_402_214_400_000
"""Of a time in ms: the last day of the year 9999, so that it is one in every zone."""

DATE_STYLES = ("short", "medium", "long", "full")
ZONE = "user.zone"
"""Among the values, where no template can name it."""
RESERVED = frozenset(("self", "super", "loop", "caller", "varargs", "kwargs"))
"""Names that Jinja2 gives a meaning of its own."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
    nodes.FloorDiv, nodes.Mod, nodes.Filter, nodes.Test, nodes.Keyword, nodes.List, nodes.Tuple,
)  # fmt: skip
_PLAIN_FILTERS = (
    "upper", "lower", "capitalize", "title", "trim", "length", "abs", "string", "e", "urlencode", "tojson",
)  # fmt: skip
_TAKE_ARGUMENTS = frozenset(("default", "money", "date", "datetime"))
_TESTS = ("defined", "undefined")
_ENDLESS = (inf, -inf)
"""What 1e400 is read as, and what Jinja2 writes into the code it makes as the name of nobody."""


class Broken(Exception):
    """What is no template, in one English sentence."""


class Overflow(Exception):
    """The text is longer than it may be."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Sums are of numbers."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%"))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)


class Compiled:
    """A template that was read. Immutable; shared by threads."""

    def __init__(self, source: str, locale: str) -> None:
        """Raises Broken."""
        environment = _environment(locale)
        tree = _checked(environment, source)
        self.variables: frozenset[str] = frozenset(node.name for node in tree.find_all(nodes.Name))
        if reserved := self.variables & RESERVED:
            raise Broken(f"a variable cannot be called {min(reserved)}")
        try:
            self._template = environment.from_string(source)
        except (TemplateError, ValueError, ArithmeticError) as error:
            raise Broken(str(error)) from error
        self._template.globals = {}  # in place of Jinja2's chain of empty ones: walking that was half of a rendering
        self._pieces = self._template.root_render_func

    def render(self, values: Mapping[str, Any], zone: str, chars_max: int) -> str:
        """The text. Raises Overflow, UndefinedError for a variable that is missing, and what `FAILURES` names."""
        text: list[str] = []
        room = chars_max
        for piece in self._pieces(self._template.new_context({**values, ZONE: zone}, shared=True)):
            text.append(piece)
            room -= len(piece)
            if room < 0:
                raise Overflow(f"the text has more than {chars_max} characters, and no more are sent")
        return "".join(text)


FAILURES = (TemplateError, TypeError, ValueError, ArithmeticError)
"""What a rendering may raise: the values are not those that the template was written for."""


@lru_cache(ENVIRONMENTS_KEPT)
def _environment(locale: str) -> _Sandbox:
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False)
    environment.globals.clear()  # pyright: ignore[reportUnknownMemberType]
    given: dict[str, Any] = dict(environment.filters)  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
    tests: dict[str, Any] = dict(environment.tests)  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
    environment.filters = {name: given[name] for name in (*_PLAIN_FILTERS, "default")} | _own_filters(locale)
    environment.tests = {name: tests[name] for name in _TESTS} | {"even": _even, "odd": _odd}
    return environment


def _checked(environment: _Sandbox, source: str) -> nodes.Template:
    """Raises Broken for what is not Jinja2, or more of it than is allowed."""
    if len(source) > SOURCE_CHARS_MAX:
        raise Broken(f"it has {len(source)} characters, at most {SOURCE_CHARS_MAX} are taken")
    try:
        open_brackets = 0
        for _, kind, value in environment.lex(source):
            open_brackets += kind == "operator" and ((value in "([{") - (value in ")]}"))
            if open_brackets > DEPTH_MAX:
                raise _too_deep()
        tree = environment.parse(source)
    except RecursionError:
        raise _too_deep() from None
    except (TemplateError, ValueError) as error:
        raise Broken(str(error)) from error
    _look_at(tree, DEPTH_MAX, FILTERS_MAX)
    return tree


def _look_at(node: nodes.Node, depth: int, filters: int) -> None:
    if not isinstance(node, _ALLOWED):
        raise Broken(f"line {node.lineno}: {type(node).__name__.lower()} is not allowed in a text")
    if isinstance(node, nodes.Const) and node.value in _ENDLESS:
        raise Broken(f"line {node.lineno}: a number is too large")
    if isinstance(node, nodes.Filter):
        filters -= 1
        given = node.args or node.kwargs
        if node.dyn_args or node.dyn_kwargs or (given and node.name not in _TAKE_ARGUMENTS):
            raise Broken(f"line {node.lineno}: the filter {node.name} takes no arguments here")
    if filters < 0:
        raise Broken(f"line {node.lineno}: more than {FILTERS_MAX} filters one after the other")
    if depth <= 0:
        raise _too_deep()
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.List | nodes.Tuple) and not isinstance(node, nodes.Operand):
            raise Broken(f"line {child.lineno}: a list is only there to be looked into, as in x in [1, 2]")
        _look_at(child, depth - 1, filters)


def _too_deep() -> Broken:
    return Broken(f"it is nested more than {DEPTH_MAX} deep")


def _own_filters(locale: str) -> dict[str, Callable[..., str]]:
    """Those that write as `locale` does."""

    @pass_context
    def date_(context: Context, value: Any, style: str = "medium") -> str:
        day = _moment(value, context[ZONE])
        return format_date(day, _style(style), locale=formats_of(locale))

    @pass_context
    def datetime_(context: Context, value: Any, style: str = "medium") -> str:
        at = _moment(value, context[ZONE])
        if not isinstance(at, datetime):
            raise ValueError(f"{value} is a day, and has no time")
        return format_datetime(at, _style(style), locale=formats_of(locale))

    return {"money": partial(_money, formats_of(locale)), "date": date_, "datetime": datetime_}


def _even(value: Any) -> bool:
    """Jinja2's own takes the remainder of whatever it is given, and a string's is that string with something put in:
    of a user's `%999999999d` a gigabyte.
    """
    if not isinstance(value, int):
        raise ValueError(f"{value} is no whole number, neither even nor odd")
    return value % 2 == 0


def _odd(value: Any) -> bool:
    return not _even(value)


def _money(formats: Locale, minor: Any, currency: Any) -> str:
    """`minor` units of `currency`, all of its places."""
    if not isinstance(minor, int) or currency not in EXPONENTS:
        raise ValueError(f"money is a whole number of minor units of a currency, not {minor} of {currency}")
    amount = Decimal(minor).scaleb(-EXPONENTS[currency])
    return format_currency(amount, currency, locale=formats, decimal_quantization=False)


def _moment(value: Any, zone: str) -> date | datetime:
    """What calendar and clock show in `zone`, of an RFC 3339 time or of ms since 1970; a day is the same everywhere."""
    if isinstance(value, str) and len(value) == len("2026-09-20"):
        return date.fromisoformat(value)
    at = rfc3339_ms(value) if isinstance(value, str) else value
    if not isinstance(at, int) or not 0 <= at < AT_MAX:
        raise ValueError(f"{value} is neither a day nor an RFC 3339 time since 1970")
    return calendar(zone).local(at)


def _style(style: str) -> Any:
    if style not in DATE_STYLES:
        raise ValueError(f"a date is written {', '.join(DATE_STYLES)}, not {style}")
    return style
