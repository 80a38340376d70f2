"""What docs/coupons.md says of messages, templates, effects, refusals and limits, made from the code that decides it.

`python -m tests.house.coupon_page` writes it between the page's marks; a test holds the page to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from inspect import getdoc
from typing import Any, get_args

import msgspec
from msgspec import NODEFAULT, inspect

from actors.coupon import (
    directory,
    effects,
    forms,
    guard,
    handing,
    imported,
    lending,
    narrowing,
    offer,
    shelf,
    shelving,
    spelling,
    stacking,
    state,
    template,
    upkeep,
    using,
)
from actors.coupon.reasons import SENTENCES
from gateway import imported_codes, routes_jobs
from tests.house.ours import root

PATH = root / "docs" / "coupons.md"
BEGIN, END = "<!-- made by python -m tests.house.coupon_page: {} -->\n", "<!-- end -->\n"
_MADE = re.compile(r"(<!-- made by python -m tests\.house\.coupon_page: (\w+) -->\n).*?(?=<!-- end -->\n)", re.DOTALL)

LIMITS: Sequence[tuple[str, int, str]] = (
    ("a template's JSON", offer.BYTES_MAX, "bytes"),
    ("templates of a store, closed ones too", directory.TEMPLATES_MAX, "templates"),
    ("or what their names, codes and activities take", directory.BYTES_MAX, "bytes"),
    ("versions that coupons of one template may have", shelf.VERSIONS_MAX, "versions"),
    ("or what these take; a coupon of an older one is judged by the newest", shelf.BODIES_BYTES_MAX, "bytes"),
    ("coupons issued by one message", forms.QUANTITY_MAX, "coupons"),
    ("categories, or products, of a message's conditions", narrowing.CONDITION_LABELS_MAX, "labels"),
    ("both together", narrowing.CONDITION_BYTES_MAX, "bytes"),
    ("coupons of one user, when one more is issued", state.COUPONS_MAX, "coupons"),
    ("and when a use is rolled back", state.PURSE_MAX, "coupons"),
    ("templates of which one user ever gets coupons", state.TEMPLATES_MAX, "templates"),
    ("coupons of one order", stacking.COUPONS_PER_ORDER_MAX, "coupons"),
    ("a hold that says no time", using.HOLD_S, "s"),
    ("the longest hold", forms.HOLD_S_MAX, "s"),
    ("longer validity at a roll-back", forms.EXTEND_DAYS_MAX, "days"),
    ("a reminder before a coupon's end", upkeep.REMIND_MS, "ms"),
    ("scarce stock that nobody in a segment takes goes back after", shelving.IDLE_MS, "ms"),
    ("commands that wait and are let go at once", shelf.SERVED_MAX, "commands"),
    ("wrong codes of a user without a wait", guard.LIMITS["user"].free, "codes"),
    ("a public or imported code, not counting dashes", spelling.PUBLIC_CHARS_MAX, "characters"),
    ("imported codes that are appended and decided together", imported_codes.CODES_AT_ONCE, "codes"),
    ("a file of codes", routes_jobs.FILE_BYTES_MAX, "bytes"),
    ("refused codes that an answer names", imported_codes.REFUSED_NAMED_MAX, "codes"),
)


def sections() -> dict[str, str]:
    """Name -> what stands between its marks."""
    return {
        "messages": text(_messages()),
        "template": text(_template()),
        "effects": text(_effects()),
        "refusals": table(("code", "says"), ((f"`{code}`", text) for code, text in SENTENCES.items())),
        "limits": table(("limit", "value", "unit"), ((what, f"{most:,}", unit) for what, most, unit in LIMITS)),
    }


def renewed(page: str) -> str:
    """The page with everything between marks as the code has it now."""
    made = sections()
    return _MADE.sub(lambda found: found[1] + made[found[2]], page)


def text(lines: Iterable[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (head, ["---"] * len(head), *rows)]
    return "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n\n"


def _messages() -> Iterator[str]:
    for named in forms.PUBLIC:
        keys = ", ".join(f"`{key}`" for key in named.spec.routing_keys)
        yield f"**`{named.spec.event_type}`**, keys {keys}. {said(named.form.type)}\n"
        required = {f.name for f in msgspec.structs.fields(named.form.type) if f.default is NODEFAULT}
        rows = [(f"`{name}`", "yes" if name in required else "", rule) for name, rule in named.form.rules.items()]
        yield table(("field", "required", "must be"), rows).strip("\n") + "\n"


def _template() -> Iterator[str]:
    whole = [("the template", template.Template), ("`valid`", template.Valid), ("`per_user`", template.PerUserLimits)]
    whole += [("`stacking`", template.Stacking), ("`code`", template.CodeRules)]
    whole += [(f"`kind` of type `{tag(kind)}`", kind) for kind in get_args(template.Kind)]
    whole.append(("each of `kind.steps`", template.Step))
    for name, struct in whole:
        yield f"**{name}**: {said(struct)}\n"
        fields = msgspec.structs.fields(struct)
        rows = [(f"`{field.name}`", type_of(inspect.type_info(field.type)), default(field)) for field in fields]
        yield table(("field", "type", "default"), rows).strip("\n") + "\n"


def _effects() -> Iterator[str]:
    for struct in vars(effects).values():
        if hasattr(struct, "schema_version"):
            fields = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(struct))
            yield f"- {said(struct)} Version {struct.schema_version}; {fields}."
    inward = (lending.ASK, lending.GRANT, lending.RECALL, lending.BACK, lending.SERVE, lending.SERVED)
    inward += (imported.IMPORT, imported.FETCH, imported.FETCHED, imported.RETURN, handing.HAND, handing.HANDED)
    yield f"\nInward, never published: {', '.join(f'`{kind}`' for kind in inward)}."


def said(struct: Any) -> str:
    """Its docstring in one line, without what an event's own name says."""
    said = " ".join((getdoc(struct) or "").split()).removeprefix(f"`{_event_type(struct)}`: ")
    return said[0].upper() + said[1:]


def _event_type(struct: Any) -> str:
    return next((named.spec.event_type for named in forms.PUBLIC if named.form.type is struct), "")


def tag(struct: Any) -> str:
    return struct.__struct_config__.tag


def default(field: Any) -> str:
    if field.default is NODEFAULT and field.default_factory is NODEFAULT:
        return "required"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    return "as there" if isinstance(value, msgspec.Struct) else f"`{msgspec.json.encode(value).decode()}`"


def type_of(type_: Any) -> str:
    """In words, bounds included."""
    match type_:
        case inspect.IntType():
            return f"integer{_bounds(type_.ge, type_.le)}"
        case inspect.StrType(pattern=pattern) if pattern:
            return f"string like `{pattern.removesuffix('(?!' + chr(92) + 'n)')}`"
        case inspect.StrType():
            return f"string{_bounds(type_.min_length, type_.max_length, ' characters')}"
        case inspect.BoolType():
            return "boolean"
        case inspect.NoneType():
            return "null"
        case inspect.VarTupleType():
            return f"list of {type_of(type_.item_type)}{_bounds(type_.min_length, type_.max_length, ' of them')}"
        case inspect.TupleType():
            return f"[{', '.join(type_of(each) for each in type_.item_types)}]"
        case inspect.UnionType() if all(isinstance(each, inspect.StructType) for each in type_.types):
            return "object, of one `type`"
        case inspect.UnionType():
            return " or ".join(dict.fromkeys(type_of(each) for each in type_.types))
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(f'`{one}`' for one in values)}"
        case _:
            return "object"


def _bounds(low: int | None, high: int | None, unit: str = "") -> str:
    if high is None:
        return f", at least {low:,}{unit}" if low is not None else ""
    return f", {low:,} to {high:,}{unit}" if low is not None else f", at most {high:,}{unit}"


if __name__ == "__main__":
    PATH.write_text(renewed(PATH.read_text()))
