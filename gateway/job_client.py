"""The other side of jobs over HTTP, for the command line: hand in a file, then follow what becomes of it.

Progress is heard and not asked for; a stream that ends early, or in the midst of a word, is taken up again, since the
job goes on without us. An engine that refuses a file says so and hangs up, however much of the file is still to come;
what it has said is heard all the same.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from actors.coupon_jobs.shown import JobShown
from gateway.routes_jobs import EVENT_STREAM, FORMATS, JobTaken

SUFFIXES = {".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}
"""Of files, and what they hold."""
UPLOAD_S_MAX = 600.0
HEARD_S_MAX = 60.0
"""Between two words of a stream; longer than it takes the engine to say that it is still there."""
_DATA = b"data: "

assert set(SUFFIXES.values()) == set(FORMATS)

_taken = msgspec.json.Decoder(JobTaken).decode
_shown = msgspec.json.Decoder(JobShown).decode


def hand_in(base: str, headers: Mapping[str, str], file: Path, media: str, job: Mapping[str, str]) -> JobTaken:
    """The whole file as `job`. Raises OSError, and its HTTPError for a refusal."""
    query = urlencode(job)
    said = {**headers, "content-type": media, "content-length": str(file.stat().st_size)}
    with file.open("rb") as body:
        request = urllib.request.Request(f"{base}/v1/coupon-jobs?{query}", body, said, method="POST")
        with _opened(_uploading.open(request, timeout=UPLOAD_S_MAX)) as answer:
            return _taken(answer.read())


def follow(base: str, headers: Mapping[str, str], job_id: str) -> Iterator[JobShown]:
    """How far it is, whenever that has changed, until it is over. Raises as `hand_in` does."""
    url = f"{base}/v1/coupon-jobs/{quote(job_id, safe='')}"
    over = False
    while not over:
        request = urllib.request.Request(url, headers={**headers, "accept": EVENT_STREAM})
        with _opened(urllib.request.urlopen(request, timeout=HEARD_S_MAX)) as stream, suppress(IncompleteRead):
            for line in stream:
                if line.startswith(_DATA):
                    now = _shown(line[len(_DATA) :])
                    over = now.status in ("done", "cancelled")
                    yield now


def _opened(answer: Any) -> HTTPResponse:
    return answer


class _Upload(HTTPConnection):
    """Goes on to the answer when nothing more of the request is taken."""

    def send(self, data: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().send(data)


class _TlsUpload(_Upload, HTTPSConnection):
    """The same, encrypted."""


class _Uploads(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_Upload, req)


class _TlsUploads(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_TlsUpload, req)


_uploading = urllib.request.build_opener(_Uploads, _TlsUploads)
