"""How fast a job gives out coupons: `python -m bench coupons [--users N] [--segments N] [--data DIR]`.

The real engine on its SQLite store with `synchronous=FULL`, in threads as in production, without a broker: effects stay
in the log, as they do when the broker is away, and drain later. The batches are appended as a door appends them, a
thousand users each; the time is from the first of them to the moment at which the job's own books, read from the store,
say that it is done. Then everything is counted again from the store itself.

Before that, in an engine of its own, points commands come in steadily, each answered: first alone, then beside a job,
which gets what its lane leaves it. How long they wait for their answers then, against alone, is what a check-out feels.
"""

from __future__ import annotations

import argparse
import gc
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import structlog

import run
from actors.coupon.listing import listed, subject_of
from actors.coupon.offer import Offer, parse
from actors.coupon_jobs.job import Job
from actors.normal_form import version
from actors.points.programme import from_settings
from actors.programmes.messages import PUT, PutProgramme
from actors.registry import COMMANDS, domains
from bench.metered import Meters, meter, readings
from bench.report import Number, report
from gateway.asking import ask
from gateway.wiring import Parts, Wiring
from supervision.clock import SystemClock
from supervision.counters import Tally
from supervision.domain import formats
from supervision.entry import Draft, Origin, encode_draft, part_subject, segment_of
from supervision.messages import Append, AppendResult, Item
from supervision.store_sqlite import open_sqlite
from supervision.store_sqlite.store import STORE_FILE
from supervision.threads import ThreadRuntime
from topology.ports import NoBroker
from topology.wire import Door, MadeUp

BATCH_USERS = 1_000
DONE_S_MAX = 600.0
POLL_S = 0.05
CHECK_OUTS_PER_S = 100
BUYERS = 1_000
SETTLE_S = 3.0
"""Until the job has noticed that it is not alone."""
JOB = "bench"
TEMPLATE = (
    b'{"name":"20 off","kind":{"type":"fixed","amount":2000},"valid":{"days":30},"per_user":{"total":1},"stock":%d}'
)


class Shop:
    """An engine in `folder`, whose shop has one template with `stock` pieces."""

    def __init__(self, folder: Path, segments: int) -> None:
        self.segments = segments
        clock = SystemClock()
        registered = domains(from_settings(), segments)
        self.runtime = ThreadRuntime(clock)
        self.store = open_sqlite(folder, segments, formats(registered), "bench", clock)
        self.tally = Tally()
        parts = Parts(
            self.store, registered, self.runtime, Random(1), self.tally, print, publish_without_broker=NoBroker()
        )
        self.wiring = Wiring(parts, clock.now_ms())
        self.door = Door(COMMANDS, segments)
        self.wiring.tree.start()
        wait(self.wiring.engine.begun)

    def append(self, items: Sequence[Item]) -> None:
        """Until they are durable."""
        durable = threading.Event()

        def done(_: Sequence[AppendResult] | None) -> None:
            durable.set()

        nbytes = sum(len(item.encoded) for item in items)
        self.wiring.engine.journal.tell(Append(tuple(items), done, nbytes))
        durable.wait(DONE_S_MAX)

    def put(self, stock: int) -> None:
        made = parse(TEMPLATE % stock)
        assert isinstance(made, Offer), made
        body, name = listed("active", made.template), subject_of("T1")
        put = PutProgramme(name, version(body.encode()), body, "", "bench")
        draft = Draft(PUT, name, msgspec.json.encode(put), origin=Origin.OPERATOR)
        self.append([Item(segment_of(name, self.segments), draft, encode_draft(draft))])

    def batch(self, number: int, of: int) -> Item:
        users = [f"user-{number:04d}-{user:04d}" for user in range(BATCH_USERS)]
        fields = {
            "event_type": "batch_coupon_issue", "job_id": JOB, "template": "T1", "user_batch": users,
            "batch_no": number, "total_batches": of,
        }  # fmt: skip
        item = self.door.decode(msgspec.json.encode(fields), "bench", None, MadeUp(f"{JOB}/{number}"))
        assert isinstance(item, Item), item
        return item

    def check_out(self, n: int, told: Callable[[float], None]) -> None:
        """A points command; `told` hears how many seconds its answer took."""
        fields = {"event_type": "points_accrue", "user_id": f"buyer-{n % BUYERS}", "points": 1}
        item = self.door.decode(msgspec.json.encode(fields), "bench", None, MadeUp(f"buy-{n}"), asked=True)
        assert isinstance(item, Item), item
        began = time.monotonic()
        ask(self.wiring.engine.journal, item, "points", lambda _: None, lambda _: told(time.monotonic() - began))

    def job(self) -> Job:
        subject = f"job:{JOB}"
        with closing(self.store.reader()) as reader:
            data, _ = reader.snapshot(segment_of(subject, self.segments), "coupon_jobs", subject)
        return msgspec.msgpack.decode(data, type=Job) if data else Job()

    def known(self) -> bool:
        """Every segment has heard of the template."""
        shelves = [(segment, part_subject(segment, subject_of("T1"))) for segment in range(self.segments)]
        with closing(self.store.reader()) as reader:
            return all(reader.snapshot(segment, "coupon", subject)[0] is not None for segment, subject in shelves)

    def close(self) -> None:
        self.wiring.tree.stop()
        self.runtime.close()
        self.store.close(clean=True)


def counted(folder: Path) -> tuple[int, int]:
    """(coupons, users who have one) by the records of a store that is closed."""
    with closing(sqlite3.connect(f"file:{folder / STORE_FILE}?mode=ro", uri=True)) as db:
        issued, owners = db.execute(
            "SELECT count(*), count(DISTINCT subject) FROM records WHERE domain = 'coupon'"
        ).fetchone()
    return issued, owners


def wait(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DONE_S_MAX
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("bench coupons: it does not come to an end")
        time.sleep(POLL_S)


def waits(shop: Shop, seconds: float, first: int) -> list[float]:
    """How long each of CHECK_OUTS_PER_S points commands waited for its answer, in seconds, shortest first."""
    found: list[float] = []
    many = round(seconds * CHECK_OUTS_PER_S)
    began = time.monotonic()
    for n in range(many):
        time.sleep(max(0.0, began + n / CHECK_OUTS_PER_S - time.monotonic()))
        shop.check_out(first + n, found.append)
    wait(lambda: len(found) == many)
    return sorted(found)


def beside(folder: Path, segments: int, seconds: float) -> list[Number]:
    """Points commands alone, and beside a job that does not end meanwhile."""
    shop = Shop(folder, segments)
    users = 200_000
    shop.put(users)
    wait(shop.known)
    alone = waits(shop, seconds, 0)
    shop.append([shop.batch(number, users // BATCH_USERS) for number in range(1, users // BATCH_USERS + 1)])
    waits(shop, SETTLE_S, len(alone))
    before, began = shop.job().decided, time.monotonic()
    busy = waits(shop, seconds, 10 * len(alone))
    rate = (shop.job().decided - before) / (time.monotonic() - began)
    shop.close()
    p99, p99_busy = (each[int(len(each) * 0.99)] * 1000 for each in (alone, busy))
    return [
        Number("points commands alone, p50", alone[len(alone) // 2] * 1000, "ms"),
        Number("points commands alone, p99", p99, "ms"),
        Number("beside a job, p50", busy[len(busy) // 2] * 1000, "ms"),
        Number("beside a job, p99", p99_busy, "ms"),
        Number("p99 beside a job against alone", p99_busy / p99, "times", "<= 2"),
        Number("coupons of the job meanwhile", rate, "/s"),
    ]


def cpu_by_part(before: Meters, after: Meters, users: int) -> dict[str, float]:
    """Microseconds per user."""
    found = {f"cells of {name}": seconds - before.domains.get(name, 0.0) for name, seconds in after.domains.items()}
    found["store, writing"] = after.store_writes - before.store_writes
    found["store, reading (in the cells)"] = after.store_reads - before.store_reads
    threads = {name: seconds - before.threads.get(name, 0.0) for name, seconds in after.threads.items()}
    found["journal with the store"] = sum(seconds for name, seconds in threads.items() if "journal" in name)
    return {name: seconds / users * 1e6 for name, seconds in found.items() if seconds / users * 1e6 >= 0.5}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench coupons", description="coupons per second of a job")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=16)
    parser.add_argument("--beside-s", type=float, default=20.0, help="of points commands alone, and beside a job")
    parser.add_argument("--data", type=Path, default=None, help="where to put the store (a temporary folder)")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    batches = options.users // BATCH_USERS
    users = batches * BATCH_USERS
    with tempfile.TemporaryDirectory(dir=options.data) as name:
        folder = Path(name) / "data"
        aside = beside(Path(name) / "beside", options.segments, options.beside_s) if options.beside_s else []
        meter()
        shop = Shop(folder, options.segments)
        shop.put(users)
        wait(shop.known)
        items = [shop.batch(number, batches) for number in range(1, batches + 1)]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*run.GC_THRESHOLDS)
        before, cpu, began = readings(), time.process_time(), time.monotonic()
        shop.append(items)
        taken = time.monotonic() - began
        wait(lambda: shop.job().status == "done")
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        after = readings()
        job = shop.job()
        shop.close()
        issued, owners = counted(folder)
        disk = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert job.issued == issued == owners == users, (job, issued, owners)
    numbers = [
        Number("all coupons durable", seconds, "s", "< 15" if users == 100_000 else ""),
        Number("coupons", users / seconds, "/s"),
        Number("batches taken in", taken, "s"),
        Number("CPU, all parts", cpu / users * 1e6, "us/coupon"),
        *[Number(f"CPU, {part}", us, "us/coupon") for part, us in sorted(cpu_by_part(before, after, users).items())],
        Number("store on disk after it", disk / users, "bytes/coupon"),
        *aside,
    ]
    report("coupons", numbers, {"users": users, "segments": options.segments})


if __name__ == "__main__":
    main()
