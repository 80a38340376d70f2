"""One message to one user, as it comes from the broker, and one try to hand it over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from topology.last_mile.queues import KEY_BEGINS
from topology.last_mile.routes import Route
from topology.ports import Delivery
from topology.wire import BadMessage, text_problem

ID_BYTES_MAX = 256

Send = Callable[[str, str, str, bool], bool]
"""(address, title, text, whether the address was made for this user) -> whether it was taken. May raise anything."""


class Said(msgspec.Struct, frozen=True):
    """What of a `notify.<channel>` matters on its way; see `Notify` of actors/notification/messages.py."""

    user_id: str
    text: str
    title: str = ""
    template: str = ""
    locale: str = ""
    reference: str = ""
    campaign_id: str = ""


class Letter(msgspec.Struct, frozen=True):
    """`delivery` as it first came, tried `tried` times before, in the connection `generation`."""

    generation: int
    delivery: Delivery
    tried: int
    message_id: str
    channel: str
    said: Said


class Tried(msgspec.Struct, frozen=True):
    """From a worker: `taken` has the message now; `failed` says what came of the others, empty where there are none.
    `hopeless`: another try would be no other.
    """

    letter: Letter
    taken: Sequence[str]
    failed: str
    hopeless: bool = False


_said = msgspec.json.Decoder(Said).decode


def read(generation: int, delivery: Delivery, tried: int) -> Letter | BadMessage:
    """The letter that came, or why it is none. Raises nothing, whatever was published."""
    message_id = delivery.props.message_id
    if type(message_id) is not str or text_problem(message_id, ID_BYTES_MAX):
        return BadMessage("no_message_id", "message_id", "an effect carries its place as message_id")
    try:
        said = _said(delivery.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return BadMessage("no_notification", "", f"no notify.<channel>: {error}")
    return Letter(generation, delivery, tried, message_id, str(delivery.key).removeprefix(KEY_BEGINS), said)


def hand_over(letter: Letter, routes: Sequence[Route], send: Send) -> Tried:
    """Try each of `routes` once, whatever became of the others. Blocks as long as `send` does."""
    values = {"message_id": letter.message_id, "channel": letter.channel} | msgspec.structs.asdict(letter.said)
    taken: list[str] = []
    failed, hopeless = "", True
    for route in routes:
        try:
            url = route.filled(values)
        except ValueError as error:
            failed = str(error)
            continue
        why = _why_not(send, url, letter.said, url != route.url)
        if why:
            failed, hopeless = why, False
        else:
            taken.append(route.name)
    return Tried(letter, taken, failed, bool(failed) and hopeless)


def _why_not(send: Send, url: str, said: Said, for_one: bool) -> str:
    try:
        return "" if send(url, said.title, said.text, for_one) else "apprise could not deliver it"
    except Exception as error:  # a plugin's bug is a failed delivery, like any other
        return f"apprise raised {type(error).__name__}"
