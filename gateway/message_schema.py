"""The messages that we take, for the OpenAPI document: one table, a row for each. A command over HTTP is the same
message without what its path says.

A row names the door's own things: the type that it decodes with says which fields there are, which must be there and
of what JSON type they are, and its rules say the rest in the sentences of its refusals, so that what the document says
and what a refusal says are one. What JSON Schema can say besides (ranges, words, inner fields) stands in the row.
Limits in bytes are in the sentences only: JSON Schema counts characters, and a limit that is nearly right is worse than
none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from litestar.openapi.spec import OpenAPIType, Reference, Schema

from actors.behaviour.door import user_behavior
from actors.behaviour.forms import FORM as BEHAVIOUR
from actors.campaign.delayed_check import DELAYED_CHECK
from actors.commands import CommandSpec
from actors.coupon import forms as coupon_forms
from actors.coupon_jobs import forms as job_forms
from actors.forms import Named
from actors.money import DEFAULT_CURRENCY
from actors.notification.door import CONSENT_CHANGED, DELIVERY_REPORT
from actors.notification.messages import CHANNELS, STATUSES
from actors.orders import ITEMS_MAX, QUANTITY_MAX
from actors.points.door import POINTS_CHANGE
from actors.points.door import RULES as POINTS_RULES
from actors.points.forms import FOR_OPERATORS, PUBLIC, TTL_S_MAX
from actors.points.messages import CHANGES, POINTS_MAX, PointsChange
from actors.profile.door import PROFILE_UPDATE, VALUE_RULE
from actors.profile.door import RULES as PROFILE_RULES
from actors.profile.messages import CHANGES_MAX, ProfileUpdate
from gateway.order_schema import CART, CONDITIONS, GOODS, MAJOR, MONEY, ORDER, PAGE, PENDING, REFUNDED
from topology.wire import ID_BYTES_MAX

_TYPES: Mapping[Any, OpenAPIType] = {
    str: OpenAPIType.STRING,
    int: OpenAPIType.INTEGER,
    float: OpenAPIType.NUMBER,
    bool: OpenAPIType.BOOLEAN,
    dict: OpenAPIType.OBJECT,
    list: OpenAPIType.ARRAY,
    type(None): OpenAPIType.NULL,
}
_NOT_EMPTY = {"min_length": 1}
_MAYBE_OBJECT = [OpenAPIType.OBJECT, OpenAPIType.NULL]


class Shape(msgspec.Struct, frozen=True):
    """One message. `body` and `rules` are the door's; a rule of `metadata.referrer_id` describes a property of
    `metadata`. `more` has further keywords of single fields' schemas.
    """

    spec: CommandSpec
    body: type[msgspec.Struct]
    rules: Mapping[str, str]
    description: str
    more: Mapping[str, Mapping[str, Any]] = {}


_CART = {"type": OpenAPIType.OBJECT, **CART, "required": ["order_id", "currency"]}
_PIECES = {"minimum": 1, "maximum": coupon_forms.QUANTITY_MAX}
_SOME = {"minimum": 1, "maximum": POINTS_MAX}
_MORE: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "points_accrue": {"points": _SOME, "order": {"type": _MAYBE_OBJECT, **ORDER}, "pending": PENDING},
    "points_redeem": {"points": _SOME, "reason": _NOT_EMPTY},
    "points_reserve": {"points": _SOME, "ttl_s": {"minimum": 1, "maximum": TTL_S_MAX}},
    "points_confirm": {"points": _SOME, "reservation_id": _NOT_EMPTY},
    "points_cancel": {"reservation_id": _NOT_EMPTY},
    "points_reverse": {
        "order_id": _NOT_EMPTY,
        "items": {
            "type": [OpenAPIType.ARRAY, OpenAPIType.NULL], "items": REFUNDED, "min_items": 1, "max_items": ITEMS_MAX,
        },
        "amount": {"one_of": MONEY.one_of},
    },
    "points_gift": {"points": _SOME, "to": _NOT_EMPTY},
    "batch_coupon_issue": {"user_batch": {"min_items": 1, "max_items": job_forms.BATCH_USERS_MAX, "items": Schema()}},
    "consent_changed": {"channel": {"enum": list(CHANNELS)}, "consent": {"enum": ["granted", "withdrawn"]}},
    "delivery_report": {"channel": {"enum": list(CHANNELS)}, "status": {"enum": list(STATUSES)}},
    "points_adjust": {"points": {"minimum": -POINTS_MAX, "maximum": POINTS_MAX}, "note": _NOT_EMPTY},
    "coupon_issue": {
        "quantity": _PIECES, "issue_quantity": _PIECES,
        "expire_days": {"minimum": 1, "maximum": coupon_forms.EXPIRE_DAYS_MAX},
        "conditions": {"type": _MAYBE_OBJECT, **CONDITIONS},
    },
    "user_behavior": {
        "behavior_type": _NOT_EMPTY, "quantity": {"minimum": 1, "maximum": QUANTITY_MAX}, "page_info": PAGE,
        "price": MAJOR, "cart_total_value": MAJOR, "order_value": MAJOR, "items": GOODS,
    },
    "coupon_use": {"code": _NOT_EMPTY, "order": _CART},
    "coupon_hold": {"code": _NOT_EMPTY, "order": _CART, "ttl_s": {"minimum": 1, "maximum": coupon_forms.HOLD_S_MAX}},
    "coupon_release": {"code": _NOT_EMPTY, "order_id": _NOT_EMPTY},
    "coupon_rollback": {
        "code": _NOT_EMPTY, "order_id": _NOT_EMPTY,
        "extend_days": {"minimum": 0, "maximum": coupon_forms.EXTEND_DAYS_MAX},
    },
    "coupon_transfer": {"code": _NOT_EMPTY, "to": _NOT_EMPTY},
}  # fmt: skip


def _of_form(named: Named) -> Shape:
    """A form's own row: its type, its rules, and its type's essay."""
    form, event_type = named.form, named.spec.event_type
    said = " ".join((form.type.__doc__ or "").replace("`", "").split())
    whose = {"user_id": _NOT_EMPTY} if "user_id" in form.rules else {}
    more = {**whose, **_MORE.get(event_type, {})}
    return Shape(named.spec, form.type, form.rules, said, more)


SHAPES: Sequence[Shape] = (
    Shape(
        POINTS_CHANGE,
        PointsChange,
        POINTS_RULES,
        "A user's points change. Unknown fields are kept.",
        {
            "user_id": _NOT_EMPTY,
            "change_type": {"enum": list(CHANGES)},
            "points": {"minimum": 1, "maximum": POINTS_MAX},
            "reason": _NOT_EMPTY,
            "metadata": {
                "type": _MAYBE_OBJECT,
                "description": f"{POINTS_RULES['metadata']}; anything, but for the two fields of a referral",
            },
        },
    ),
    Shape(
        PROFILE_UPDATE,
        ProfileUpdate,
        PROFILE_RULES,
        "Facts about a user, each kept until it is said anew. Unknown fields are kept.",
        {
            "user_id": _NOT_EMPTY,
            "profile_changes": {
                "min_properties": 1,
                "max_properties": CHANGES_MAX,
                "additional_properties": Schema(description=VALUE_RULE),
            },
        },
    ),
    _of_form(Named(user_behavior(DEFAULT_CURRENCY), BEHAVIOUR)),
    _of_form(CONSENT_CHANGED),
    _of_form(DELIVERY_REPORT),
    _of_form(DELAYED_CHECK),
    *map(_of_form, (*PUBLIC, *coupon_forms.PUBLIC)),
    *map(_of_form, job_forms.PUBLIC),
)
"""One for each command of the registry."""
_BY_TYPE = {shape.spec.event_type: shape for shape in (*SHAPES, *map(_of_form, FOR_OPERATORS))}


def messages() -> list[Schema]:
    """Every message; fields it does not name are kept."""
    return [_message(shape) for shape in SHAPES]


def command(event_type: str, path_fields: Collection[str], may_be_left: Collection[str] = ()) -> Schema:
    """The body of the request that is the message `event_type`, whose `path_fields` stand in the path; what
    `may_be_left` out of it is found out otherwise.
    """
    whole = _message(_BY_TYPE[event_type])
    gone = {"event_type", "event_id", *path_fields}
    properties = {name: schema for name, schema in (whole.properties or {}).items() if name not in gone}
    required = [name for name in whole.required or [] if name not in (*gone, *may_be_left)]
    return Schema(type=OpenAPIType.OBJECT, description=whole.description, properties=properties, required=required)


def _message(shape: Shape) -> Schema:
    hints = get_type_hints(shape.body)
    fields = msgspec.structs.fields(shape.body)
    properties: dict[str, Reference | Schema] = {
        field.name: _field(shape, field.name, hints[field.name]) for field in fields
    }
    properties["event_id"] = Schema(
        type=[OpenAPIType.STRING, OpenAPIType.NULL],
        min_length=1,
        description=f"names the message, so that a resend is known: 1 to {ID_BYTES_MAX} bytes of UTF-8",
    )
    return Schema(
        type=OpenAPIType.OBJECT,
        title=shape.spec.event_type,
        description=shape.description,
        properties=properties,
        required=[field.name for field in fields if field.required],
    )


def _field(shape: Shape, name: str, hint: Any) -> Schema:
    keywords: dict[str, Any] = {"type": _types(hint), "description": shape.rules[name]}
    if name == "event_type":
        keywords["const"] = shape.spec.event_type
    inner = {rule.partition(".")[2]: text for rule, text in shape.rules.items() if rule.startswith(f"{name}.")}
    if inner:
        keywords["properties"] = {field: Schema(description=text) for field, text in inner.items()}
    return Schema(**(keywords | dict(shape.more.get(name, {}))))


def _types(hint: Any) -> OpenAPIType | list[OpenAPIType] | None:
    """What a field of type `hint` is in JSON; None: anything."""
    if isinstance(hint, UnionType):
        return [_TYPES.get(part, OpenAPIType.OBJECT) for part in get_args(hint)]
    return _TYPES.get(get_origin(hint) or hint)
