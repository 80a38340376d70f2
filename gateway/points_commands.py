"""The commands about points over HTTP, a row for each; what they mean is the points domain's matter.

A body is the message of the same name without what the path says. An answer is the command's place in the log and the
domain's result.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.points import results
from gateway.commands import EntryAt
from gateway.message_schema import command
from gateway.routes_commands import CommandRoute, path_fields

_POINTS = "/v1/users/{user_id:str}/points"
_RESERVATION = f"{_POINTS}/reservations/{{reservation_id:str}}"


def _row(path: str, event_type: str, summary: str, result: type[results.Result]) -> CommandRoute:
    answer = msgspec.defstruct(f"{result.__name__}Answer", [("entry", EntryAt), ("result", result)], frozen=True)
    return CommandRoute(path, event_type, summary, command(event_type, path_fields(path)), answer)


COMMANDS: Sequence[CommandRoute] = (
    _row(f"{_POINTS}/accruals", "points_accrue", "Give points, or what an order earns", results.Accrued),
    _row(f"{_POINTS}/redemptions", "points_redeem", "Spend points", results.Redeemed),
    _row(f"{_POINTS}/reservations", "points_reserve", "Hold points for a check-out", results.Reserved),
    _row(f"{_RESERVATION}/confirm", "points_confirm", "Spend what is held", results.Confirmed),
    _row(f"{_RESERVATION}/cancel", "points_cancel", "Free what is held", results.Cancelled),
    _row(f"{_POINTS}/reversals", "points_reverse", "Refund an order, or a part of it", results.Reversed),
    _row(f"{_POINTS}/gifts", "points_gift", "Give points to another user", results.Gifted),
    _row(f"{_POINTS}/adjustments", "points_adjust", "Put a balance right, with a note", results.Adjusted),
)
"""All of them."""
