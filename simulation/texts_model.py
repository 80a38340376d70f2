"""The reference model of what messages say: which version of a template a segment has heard of last, whether it is
active, and its words on a channel.

What comes with the engine is its own matter: of that it is known only that there is some text.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from simulation.notice_rules import Asked

PREFIX = "notification-template:"
POINTS = "{{ points }}"
"""The only hole in a text here."""


class Spoken(NamedTuple):
    """What a message says, or why it has no text. Both empty: what the engine's own template says."""

    code: str
    version: str = ""
    text: str = ""


class Texts:
    """Of one segment. `own`: templates that come with the engine."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own
        self._put: dict[str, tuple[int, str, str, str]] = {}
        """(number, status, version, JSON) of the last version."""

    def hear(self, body: dict[str, Any]) -> None:
        """Of a version of a programme."""
        template = body["name"].removeprefix(PREFIX)
        if template != body["name"] and self._put.get(template, (0,))[0] < body["number"]:
            said = msgspec.json.decode(body["body"], type=dict[str, msgspec.Raw])
            status = msgspec.json.decode(said["status"])
            self._put[template] = (body["number"], status, body["version"], bytes(said["template"]).decode())

    def stored(self) -> dict[str, Any]:
        """As the store has it: of what is not active, no words."""
        return {
            id: [number, status, version, json if status == "active" else ""]
            for id, (number, status, version, json) in self._put.items()
        }

    def say(self, asked: Asked, language: str) -> Spoken:
        """To somebody who speaks it, or of whom nobody knows what he speaks."""
        put = self._put.get(asked.template)
        if put is None:
            return Spoken("" if asked.template in self._own else "unknown_template")
        _, status, version, json = put
        if status != "active":
            return Spoken("unknown_template")
        template = msgspec.json.decode(json)
        spoken = {tag: words.get(asked.channel, words.get("text")) for tag, words in template["texts"].items()}
        spoken = {tag: text for tag, text in spoken.items() if text is not None}
        if not spoken:
            return Spoken("no_text")
        near = [tag for tag in spoken if tag.partition("-")[0] == language.partition("-")[0]]
        text = spoken[near[0] if near else template["default_locale"]]
        text = text if isinstance(text, str) else text["body"]
        if POINTS in text and asked.points is None:
            return Spoken("missing_variable")
        return Spoken("", version, text.replace(POINTS, str(asked.points)))
