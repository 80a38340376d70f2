"""What the HTTP door says when it says no: RFC 9457 problem documents, from one table of codes.

A problem is a value that may also be raised, because a refusal can be found anywhere between the first byte of a body
and the answer of the store. `code` is the stable word that programs match on; `detail` and `message` say the same
sentence, the field and the limit included; `errors` name single fields. A code that is not in the table cannot be
said.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:ganglion:problem:"
RETRY_AFTER_S = 1

CODES: dict[str, tuple[int, str]] = {
    "not_json": (400, "The body is not JSON"),
    "invalid_parameter": (400, "A parameter is not valid"),
    "bad_path": (400, "The path cannot be decoded"),
    "bad_request": (400, "The request is not valid HTTP for this service"),
    "no_key": (401, "An API key is needed"),
    "missing_scope": (403, "The API key may not do this"),
    "staging_key": (403, "The API key may only try out"),
    "unknown_path": (404, "There is nothing at this path"),
    "unknown_user": (404, "The user is not known"),
    "unknown_programme": (404, "There is no such programme"),
    "unknown_template": (404, "There is no such template"),
    "unknown_campaign": (404, "There is no such campaign"),
    "unknown_effect": (404, "There is no such effect in the log"),
    "unknown_job": (404, "There is no such job"),
    "unknown_code": (404, "There is no such coupon"),
    "bad_check_character": (404, "There is no such coupon: the code is mistyped"),
    "not_parked": (404, "Nothing is parked there"),
    "method_not_allowed": (405, "The method is not allowed here"),
    "slow_body": (408, "The body did not arrive in time"),
    "refused_batch": (409, "The job does not take these users"),
    "no_such_change": (409, "It cannot become this"),
    "precondition_failed": (412, "Another version is active"),
    "too_large": (413, "The body is too large"),
    "encoded_body": (415, "The body is in an encoding that is not accepted"),
    "bad_field": (422, "A field is not valid"),
    "idempotency_key_reused": (422, "The Idempotency-Key is known with another request"),
    "wrong_kind": (422, "The body is JSON of another kind"),
    "list_size": (422, "The list is empty or too long"),
    "too_far_back": (422, "That is too far back to work out"),
    "refused_programme": (422, "The programme is not valid"),
    "precondition_required": (428, "The version that is to be replaced must be named"),
    "idempotency_key_required": (428, "An Idempotency-Key is needed"),
    "rate_limited": (429, "Too many requests with this API key"),
    "too_many_attempts": (429, "Too many wrong coupon codes"),
    "client_gone": (499, "The client went away"),
    "internal": (500, "A mistake of ours"),
    "not_taking": (503, "Input is not taken at the moment"),
    "stopping": (503, "The engine is stopping"),
    "not_yet": (503, "This is not folded yet"),
    "parked": (503, "This is parked and waits for an operator"),
    "busy": (503, "Too much is under way"),
    "audit_refuses": (503, "The audit log is not available at the moment"),
    "store_refuses": (503, "The store cannot be read at the moment"),
    "segment_lost": (503, "This process no longer owns the segment"),
    "unanswered": (503, "The outcome is not known"),
}
"""code -> (status, title)."""

NOT_FOUND = frozenset({"unknown_user", "unknown_reservation", "unknown_code", "unknown_template", "unknown_job"})
"""Codes of a domain's refusal that mean 404; all others mean 409, but for TOO_MANY."""
TOO_MANY = "too_many_attempts"
"""A domain's refusal that means 429; its number `wait_s` says when to come again."""


class FieldError(msgspec.Struct, frozen=True):
    """One field and what is wrong with it."""

    field: str
    code: str
    message: str


class Problem(Exception):
    """A refusal on its way to the client. Every 503 says when to come again."""

    def __init__(
        self, code: str, message: str, errors: tuple[FieldError, ...] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.title = self._status(code)
        self.code = code
        self.message = message
        self.errors = errors
        self._headers = headers or {}

    def _status(self, code: str) -> tuple[int, str]:
        return CODES[code]

    def document(self) -> bytes:
        return _encoder.encode(self._document())

    def _document(self) -> ProblemDocument:
        return ProblemDocument(
            TYPE_PREFIX + self.code, self.title, self.status, self.message, self.code, self.message, self.errors
        )

    def headers(self) -> dict[str, str]:
        """Besides content-type and content-length."""
        again = {"retry-after": str(RETRY_AFTER_S)} if self.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        return {**again, **self._headers}


class Declined(Problem):
    """A domain's no: its own code, and the numbers behind it as members of the document.

    The table of codes is the doors'; what a domain may say is the domain's matter, and only the status is decided here.
    """

    def __init__(
        self, code: str, detail: str, numbers: Mapping[str, msgspec.Raw], headers: Mapping[str, str] | None = None
    ) -> None:
        again = {"retry-after": bytes(numbers["wait_s"]).decode()} if code == TOO_MANY and "wait_s" in numbers else {}
        super().__init__(code, detail, headers={**again, **(headers or {})})
        self._numbers = numbers

    def _status(self, code: str) -> tuple[int, str]:
        if code in NOT_FOUND:
            return 404, "There is no such thing"
        return CODES[code] if code == TOO_MANY else (409, "This cannot be done as things are")

    def document(self) -> bytes:
        return _encoder.encode({**self._numbers, **msgspec.structs.asdict(self._document())})


class ProblemDocument(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success, `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    errors: tuple[FieldError, ...] = ()


_encoder = msgspec.json.Encoder()


def invalid_parameter(field: str, message: str) -> Problem:
    """A parameter or header named `field` is wrong; `message` says the limit."""
    return Problem("invalid_parameter", message, (FieldError(field, "invalid_parameter", message),))
