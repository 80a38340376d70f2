"""Ganglion's one program: builds the real clocks, stores, brokers and servers, and wires them. Everything else is
given them.

`python run.py --help` lists the commands; `serve` is the engine, the others look at it or feed it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pwd
import re
import shutil
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec

VERSION = "0.1.0"
EXIT_TROUBLE = 1
EXIT_USAGE = 2
EXIT_LOCKED = 3
DRAIN_S_MAX = 3.0
"""For acks and confirms under way when the engine is told to stop; what is still out then comes again."""
TREE_STOP_S_MAX = 5.0
BROKER_STOP_S_MAX = 3.5
"""For a private broker; then it is killed, which loses nothing that it confirmed. All four together stay below 15 s."""
GC_THRESHOLDS = (50_000, 20, 100)
"""Containers between two looks of the cycle collector. Entries and messages are freed by their counts and make no
cycles, so Python's 700 means looking for nothing a hundred times per group: 6 to 11 % of the CPU per event.
"""
HTTP_STOP_S_MAX = 3.0
LOOK_S = 0.5
"""Between looks of the main thread whether a signal has come."""
KEY_VARIABLE = "GANGLION_KEY"
"""Of the environment: an API key for commands that ask a running engine. An argument would be seen by all users."""


def main(argv: list[str] | None = None) -> int:
    """Parse, dispatch; -> the exit status."""
    options = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """All commands with their help texts."""
    top = argparse.ArgumentParser(prog="run.py", description="Ganglion: the nervous system of a shop's marketing.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _serve_options(_command(commands, "serve", serve, "run the engine until SIGTERM or Ctrl-C"))
    broker = _command(commands, "broker", run_broker, "run only the private RabbitMQ below DATA/broker, until Ctrl-C")
    broker.add_argument("--data", default="./data", metavar="DIR", help="folder (default %(default)s)")
    _backup_options(commands)
    _key_options(commands)
    audit = _command(commands, "audit", audit_books, "prove the books of a store, of a running engine too")
    audit.add_argument("--data", default="./data", metavar="DIR", help="folder of the store (default %(default)s)")
    _simulate_options(commands)
    tree = _command(commands, "tree", show_tree, "print the supervision tree of a running engine")
    tree.add_argument(
        "--http",
        default="127.0.0.1:8420",
        metavar="HOST:PORT",
        help="its address, with https:// if so (default %(default)s)",
    )
    _coupon_options(commands)
    _rule_options(commands)
    topology = _command(commands, "topology", show_topology, "print exchanges, queues, bindings and policies")
    topology.add_argument("--definitions", action="store_true", help="as a RabbitMQ definitions file")
    topology.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="with what `rabbitmqctl export_definitions` wrote; exit 1 when it differs",
    )
    topology.add_argument("--seed-queues", action="store_true", help="with the original description's consumer queues")
    topology.add_argument("--vhost", default="/", help="of the definitions (default %(default)s)")
    publish = _command(
        commands, "publish", publish_file, "publish JSON lines to the broker, confirmed, with a progress bar"
    )
    publish.add_argument("file", metavar="FILE|-", help="one message a line; - reads standard input")
    publish.add_argument("--exchange", default="", help="instead of the one that the message's event_type belongs to")
    publish.add_argument("--key", default="", help="routing key instead of the one that fits the message")
    watch = _command(commands, "watch", watch_effects, "print effects as they are published, one JSON line each")
    watch.add_argument("--key", default="#", help="binding key (default %(default)s)")
    notify = _command(commands, "notify", carry_messages, "hand the messages of notify.* to apprise, until Ctrl-C")
    text = "where messages go; CHANNEL=URL: of that channel; @FILE: a file of such lines; may be repeated"
    notify.add_argument("--apprise", action="append", required=True, metavar="URL", help=text)
    for each in (publish, watch, notify):
        each.add_argument(
            "--amqp", default="", metavar="URL", help="the broker (default: the private one below --data)"
        )
        each.add_argument("--data", default="./data", metavar="DIR", help="where to look for it (default %(default)s)")
    return top


def _simulate_options(commands: Any) -> None:
    simulate = _command(
        commands, "simulate", simulate_worlds, "live through seeded worlds; exit 1 when a checker objects"
    )
    simulate.add_argument("--seed", type=int, metavar="N", help="one world, described")
    simulate.add_argument("--trace", action="store_true", help="with --seed: its steps")
    simulate.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="with --seed: a dimension other than drawn"
    )
    simulate.add_argument("--seeds", type=int, default=100, metavar="K", help="many worlds (default %(default)s)")
    simulate.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first (default 0)")
    simulate.add_argument(
        "--with", default="", metavar="NAME", dest="having", help="only worlds with it: ledger, coupons, campaigns, …"
    )
    simulate.add_argument("--jobs", type=int, default=0, metavar="J", help="processes (default: one per core)")
    simulate.add_argument("--bug", default="", metavar="NAME", help="with this bug planted: see simulation/bugs")
    simulate.add_argument(
        "--bugs", action="store_true", help="instead: plant each bug alone and print which checker finds it how soon"
    )
    simulate.add_argument("--markdown", action="store_true", help="with --bugs: the table as Markdown")
    simulate.add_argument("--found", type=Path, metavar="FILE", help="with --bugs: keep the result as TOML for tests")


def _command(commands: Any, name: str, act: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    made.set_defaults(command=act)
    return made


def _backup_options(commands: Any) -> None:
    backup = _command(commands, "backup", back_up, "copy the store, of a running engine too, to a new file; checked")
    backup.add_argument("--to", required=True, type=Path, metavar="FILE", help="must not exist")
    put_back = _command(
        commands, "restore", restore_backup, "make DIR hold what a backup holds; the next start begins a higher epoch"
    )
    put_back.add_argument("--from", dest="source", required=True, type=Path, metavar="FILE", help="a backup")
    put_back.add_argument("--replace", action="store_true", help="move a store that is there to DIR/replaced-N")
    for each in (backup, put_back):
        each.add_argument("--data", default="./data", metavar="DIR", help="folder of the store (default %(default)s)")


def _coupon_options(commands: Any) -> None:
    coupons = _command(commands, "coupons", issue_coupons, "give out coupons, and look after the keys of their codes")
    acts = coupons.add_subparsers(required=True, metavar="ACTION")
    issue = _command(acts, "issue", issue_coupons, "a coupon to each user of a file, with a progress bar")
    issue.add_argument("--file", required=True, type=Path, metavar="FILE", help="NDJSON or CSV, by its suffix")
    issue.add_argument("--template", metavar="ID", help="or the one that carries the activity")
    issue.add_argument("--activity", metavar="ID", help="what the coupons are for")
    issue.add_argument("--job", metavar="ID", help="the same file again under the same job adds nothing")
    issue.add_argument("--http", default="127.0.0.1:8420", metavar="HOST:PORT", help="(default %(default)s)")
    _coupon_key_options(_command(acts, "keys", list_coupon_keys, "list the keys of codes, and make a new one"))


def _coupon_key_options(keys: argparse.ArgumentParser) -> None:
    acts = keys.add_subparsers(required=True, metavar="ACTION")
    listed = _command(acts, "list", list_coupon_keys, "print all keys, oldest first, without their secrets")
    text = "make a new key, which an engine uses from its next start on; old codes hold"
    rotate = _command(acts, "rotate", rotate_coupon_keys, text)
    for each in (listed, rotate):
        each.add_argument("--data", default="./data", metavar="DIR", help="folder (default %(default)s)")


def _rule_options(commands: Any) -> None:
    rules = _command(commands, "rules", check_rules, "look at campaigns in files, without an engine")
    acts = rules.add_subparsers(required=True, metavar="ACTION")
    check = _command(acts, "check", check_rules, "print what is wrong with campaigns; exit 1 when any would be refused")
    check.add_argument("--normal", action="store_true", help="and the form in which each is kept")
    test = _command(acts, "test", rehearse_rules, "rehearse the tests that the files carry; exit 1 when any fails")
    for each in (check, test):
        each.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a campaign, or one with its tests")
        each.add_argument("--zone", default="UTC", help="of campaigns in the seed's form (default %(default)s)")
        each.add_argument("--currency", default="CNY", help="of amounts that say none (default %(default)s)")


def _key_options(commands: Any) -> None:
    keys = _command(commands, "keys", list_keys, "make, list and revoke API keys, whether or not an engine runs")
    acts = keys.add_subparsers(required=True, metavar="ACTION")
    create = _command(acts, "create", create_key, "make a key and print its secret, once")
    create.add_argument("--name", required=True, metavar="N", help="whose it is")
    create.add_argument("--scopes", required=True, metavar="a,b", help="see docs/operations.md")
    create.add_argument("--rate", type=int, default=0, metavar="N", help="requests a minute (default 0: no limit)")
    create.add_argument("--staging", action="store_true", help="may only look and try out")
    listed = _command(acts, "list", list_keys, "print all keys there ever were, without their secrets")
    revoke = _command(acts, "revoke", revoke_key, "from now on (a running engine: within a second) a key holds no more")
    revoke.add_argument("id", metavar="ID", help="as `list` shows it")
    for each in (create, listed, revoke):
        each.add_argument("--data", default="./data", metavar="DIR", help="folder (default %(default)s)")


def _serve_options(serve: argparse.ArgumentParser) -> None:
    from gateway.settings import Settings, description

    serve.add_argument("--config", type=Path, metavar="FILE", help="TOML file with any of the settings below")
    for field in msgspec.structs.fields(Settings):
        flag = "--" + field.name.replace("_", "-")
        text = f"{description(field.name)} (default {field.default!r})".replace("%", "%%")
        if isinstance(field.default, bool):
            serve.add_argument(flag, action="store_true", default=None, help=text)
        else:
            serve.add_argument(flag, metavar=field.name.upper(), help=text)


def serve(options: argparse.Namespace) -> int:
    """The engine, until a signal. 0 stopped in order, 1 died, 2 bad settings, 3 another process holds the store."""
    ended = threading.Event()
    on_signal(ended)  # before anything that takes time: a signal in the first moment is an orderly end, too
    from gateway.keys import BadKeys
    from gateway.server import CannotListen
    from gateway.settings import BadSetting, Settings, load
    from supervision.entry import Corrupt
    from supervision.store import Incompatible, Locked, StoreError

    given = {name: getattr(options, name) for name in Settings.__struct_fields__}
    try:
        settings = load(options.config, {name: value for name, value in given.items() if value is not None})
    except BadSetting as bad:
        return _fail(str(bad), EXIT_USAGE)
    _log_to_stderr(settings.log_level)
    broker = None
    if settings.private_broker and not settings.amqp:
        broker = _private_broker(Path(settings.data), "Going on with HTTP alone.")
    try:
        if broker is not None:
            settings = msgspec.structs.replace(settings, amqp=broker.url())
        return Service(settings, ended, private=broker is not None).run()
    except Locked as locked:
        return _fail(f"the store in {settings.data} is held by process {locked.pid}", EXIT_LOCKED)
    except (Incompatible, CannotListen, BadKeys, ValueError, OSError) as error:
        return _fail(str(error), EXIT_USAGE)
    except (StoreError, Corrupt) as error:
        return _fail(f"the store cannot be opened: {error}", EXIT_TROUBLE)
    finally:
        if broker is not None:
            broker.stop(BROKER_STOP_S_MAX)


class Service:
    """One serving process: opens the store, builds the wiring on real parts, waits, ends it in order."""

    def __init__(self, settings: Any, ended: threading.Event, private: bool) -> None:
        self.settings = settings
        self._ended = ended
        self._private = private
        """The broker is our own, and is found by its folder."""
        self._fatal = ""
        self._http_tick_s = time.monotonic()

    def run(self) -> int:
        """Blocks until a signal or a fatal error."""
        from prometheus_client import CollectorRegistry

        from gateway.metrics import PrometheusCounters
        from supervision.clock import SystemClock
        from supervision.threads import ThreadRuntime

        clock = SystemClock()
        registry = CollectorRegistry()
        runtime = ThreadRuntime(clock)
        store = self._open_store(clock)
        wiring = self._wire(store, runtime, PrometheusCounters(registry), self._code_keys(store, clock))
        server = self._http(wiring, runtime, registry)
        gc.collect()
        gc.freeze()  # what is there now stays: it need not be looked at again
        gc.set_threshold(*GC_THRESHOLDS)
        wiring.tree.start()
        server.start()
        self._announce(server.address)
        wait_for(self._ended)
        return self._stop(wiring, server, runtime, store)

    def _open_store(self, clock: Any) -> Any:
        from actors.registry import domains
        from supervision.domain import formats
        from supervision.store_sqlite import open_sqlite
        from topology.webhooks.sender import KEPT

        kept = formats(domains(self._programme(), self.settings.segments)) | KEPT
        return open_sqlite(Path(self.settings.data), self.settings.segments, kept, VERSION, clock)

    def _code_keys(self, store: Any, clock: Any) -> Any:
        """Raises BadKeys and OSError."""
        from gateway.audit import AuditLog
        from gateway.coupon_key_file import CouponKeyFile
        from gateway.coupon_keys import keys_of
        from supervision.envelope import rfc3339

        folder, at = Path(self.settings.data), rfc3339(clock.now_ms())
        with closing(store.reader()) as reader:
            audit = AuditLog(folder, clock.now_ms)
            return keys_of(CouponKeyFile(folder), reader, store.segments, os.urandom, at, audit, _os_user())

    def _programme(self) -> Any:
        from actors.points.programme import from_settings

        settings = self.settings
        return from_settings(
            settings.points_valid_days, settings.points_reminder_days, zone=settings.zone,
            currency=settings.default_currency,
        )  # fmt: skip

    def _policy(self) -> Any:
        from actors.notification.policy import parse

        settings = self.settings
        return parse(
            settings.zone, settings.consent_default, settings.quiet_hours, settings.message_limits,
            settings.preferred_hours, settings.message_valid_s,
        )  # fmt: skip

    def _wire(self, store: Any, runtime: Any, counters: Any, code_keys: Any) -> Any:
        from actors.notification.templates import Templates
        from actors.registry import domains
        from gateway.nightly import daily
        from gateway.wiring import Parts, Wiring
        from supervision.journal import Limits
        from topology.ports import NoBroker

        settings = self.settings
        limits = Limits(
            waiting_bytes_max=settings.waiting_bytes_max,
            lag_entries_max=settings.lag_entries_max,
            absence_hold_s_max=settings.absence_hold_s_max,
            log_retention_s=settings.log_retention_s,
            log_bytes_max=settings.log_bytes_max,
            disk_free_min=settings.disk_free_min,
        )
        parts = Parts(
            store=store,
            domains=domains(
                self._programme(),
                settings.segments,
                Templates(locale=settings.locale),
                settings.alarm_refusals_max,
                code_keys,
                settings.behaviour_days,
                settings.cart_idle_s,
                self._policy(),
            ),
            runtime=runtime,
            rng=SystemRandom(),
            counters=counters,
            on_fatal=self._died,
            broker=self._broker(),
            publish_without_broker=NoBroker(),
            limits=limits,
            outward_retention_ms=settings.outward_retention_s * 1000,
            confirm_window=settings.confirm_window,
            free_bytes=store.free_bytes,
            audit_after=daily(settings.audit_at, settings.zone) if settings.audit_at else None,
            currency=settings.default_currency,
            webhooks=self._webhooks(runtime.clock),
        )
        return Wiring(parts, runtime.clock.now_ms())

    def _webhooks(self, clock: Any) -> Any:
        """Whom campaigns may call; None: nobody. Raises BadKeys."""
        from gateway.webhook_file import endpoints_of
        from gateway.wiring import Webhooks
        from topology.webhooks.http import HttpTransport

        endpoints = endpoints_of(self.settings.webhooks)
        return Webhooks(endpoints, HttpTransport(endpoints, clock)) if endpoints else None

    def _broker(self) -> Any:
        from actors.registry import COMMANDS
        from gateway.wiring import Broker
        from topology.amqp_consume import AmqpConsume
        from topology.amqp_publish import AmqpPublish
        from topology.amqp_topology import preparer
        from topology.table import topology

        settings = self.settings
        if not settings.amqp:
            return None
        heard = sorted({spec.exchange for spec in COMMANDS.values()})
        prepare = preparer(topology(heard, settings.seed_queues), settings.declare)
        return Broker(AmqpConsume(settings.amqp, prepare, settings.prefetch), AmqpPublish(settings.amqp, prepare))

    def _http(self, wiring: Any, runtime: Any, registry: Any) -> Any:
        from gateway.answers import Threads
        from gateway.app import Choices, build_app
        from gateway.assembly import build_ports
        from gateway.exposure import refusal
        from gateway.server import CannotListen, HttpServer, Tls

        settings = self.settings
        threads = Threads()
        ids = SystemRandom()
        ports = build_ports(
            wiring,
            Path(settings.data),
            runtime,
            registry,
            lambda: f"{ids.getrandbits(128):032x}",
            bool(settings.amqp),
            lambda: self._http_tick_s,
        )
        host, _, port = settings.http.rpartition(":")
        if why := refusal(settings, host.strip("[]"), ports.keys.index.needed):
            raise CannotListen(f"cannot serve on {settings.http}: {why}")
        choices = Choices(require_idempotency_key=settings.require_idempotency_key, behind_proxy=settings.behind_proxy)
        app = build_app(ports, threads, None, choices)
        tls = Tls(settings.tls_cert, settings.tls_key) if settings.tls_cert else None
        return HttpServer(app, host, int(port), self._http_ticked, threads, HTTP_STOP_S_MAX, tls)

    def _http_ticked(self) -> None:
        self._http_tick_s = time.monotonic()

    def _died(self, reason: str) -> None:
        self._fatal = reason
        self._ended.set()

    def _announce(self, address: tuple[str, int]) -> None:
        """Where everything is, and three lines to paste."""
        settings = self.settings
        base = f"{'https' if settings.tls_cert else 'http'}://{address[0]}:{address[1]}"
        event = (
            '{"event_type":"points_change","user_id":"123456","change_type":"increase",'
            '"points":100,"reason":"purchase_order","order_id":"ORDER_001"}'
        )
        if settings.amqp:
            found = "" if Path(settings.data) == Path("data") else f" --data {settings.data}"
            where = found if self._private else f" --amqp '{_masked(settings.amqp)}'"
            send = f"echo '{event}' | .venv/bin/python run.py publish -{where}"
            see = f".venv/bin/python run.py watch{where}"
        else:
            send, see = f"curl -s {base}/v1/events -d '{event}'", f"curl -s {base}/v1/users/123456/points/records"
        print(
            f"Ganglion serves on {base} (OpenAPI {base}/schema, metrics {base}/metrics)\n"
            f"  store    {settings.data}, {settings.segments} segments\n"
            f"  broker   {_masked(settings.amqp) or 'none: HTTP alone'}\n"
            f"\n  publish an event    {send}"
            f"\n  read the balance    curl -s {base}/v1/users/123456/points"
            f"\n  watch the effects   {see}\n",
            flush=True,
        )

    def _stop(self, wiring: Any, server: Any, runtime: Any, store: Any) -> int:
        """Intake stopped, groups committed, acks flushed, confirms waited for, all bounded."""
        if self._fatal:
            print(f"run.py: the engine died: {self._fatal}", file=sys.stderr, flush=True)
            os._exit(EXIT_TROUBLE)  # nothing in this process may be believed any more
        # The interpreter puts handlers back to "die" on its way out; only what is ignored stays so to the last.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        wiring.close_doors()
        deadline = time.monotonic() + DRAIN_S_MAX
        _wait_until(lambda: wiring.bridge_link.waiting == 0, deadline)
        wiring.finish_publishing()
        _wait_until(lambda: wiring.under_way == 0, deadline)
        server.stop()
        left = wiring.tree.stop(TREE_STOP_S_MAX)
        runtime.close()
        store.close(clean=not left)
        return 0


def on_signal(ended: threading.Event) -> None:
    """SIGTERM and Ctrl-C set `ended`, once or often."""

    def end(_number: int, _frame: Any) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def wait_for(ended: threading.Event) -> None:
    """Blocks the main thread until `ended` is set, by a signal too.

    It goes to sleep for LOOK_S at a time: a signal that arrives just before it does, or that the kernel gives to
    another thread, does not wake it, and its handler runs in this thread alone.
    """
    while not ended.wait(LOOK_S):
        pass


def _wait_until(done: Callable[[], bool], deadline_s: float) -> None:
    while not done() and time.monotonic() < deadline_s:
        time.sleep(0.01)


def _fail(text: str, status: int) -> int:
    print(f"run.py: {text}", file=sys.stderr, flush=True)
    return status


def _log_to_stderr(level: str) -> None:
    import logging

    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def _masked(url: str) -> str:
    """An address without its password; the one that every RabbitMQ comes with is no secret."""
    return re.sub(r"(?<=://)([^:@/]*):(?!guest@)[^@/]*@", r"\1:***@", url)


def _private_broker(data: Path, otherwise: str = "") -> Any:
    """A started node, or None with a plain word about why, and what happens `otherwise`."""
    from topology.broker_node import BrokerInUse, BrokerUnavailable, PrivateBroker

    broker = PrivateBroker(data / "broker")
    try:
        url = broker.start()
    except (BrokerUnavailable, BrokerInUse) as error:
        print(f"No broker: {error}\n{otherwise}".rstrip(), flush=True)
        return None
    (data / "broker" / "url").write_text(url)
    return broker


def run_broker(options: argparse.Namespace) -> int:
    """A private RabbitMQ until Ctrl-C."""
    ended = threading.Event()
    on_signal(ended)
    broker = _private_broker(Path(options.data))
    if broker is None:
        return EXIT_TROUBLE
    print(f"RabbitMQ at {broker.url()}\nUse it with: make run AMQP={broker.url()}", flush=True)
    wait_for(ended)
    broker.stop()
    return 0


def back_up(options: argparse.Namespace) -> int:
    """A checked copy of the store. 0 it stands, 1 store or disk failed, 2 it was declined."""
    from supervision.store_sqlite.backup import back_up as copy_to

    def work(told: Callable[[int, int], None]) -> str:
        return _described(f"{options.to}:", copy_to(Path(options.data), options.to, told))

    return _with_a_bar("copying", work)


def restore_backup(options: argparse.Namespace) -> int:
    """A backup into DIR. 0 it stands, 1 file or disk failed, 2 it was declined, 3 an engine runs there.

    What is issued from now on counts anew from the backup's end, so it needs codes by a new key (actors/coupon/codes).
    """
    from supervision.store_sqlite.restore import restore

    now_ms = time.time_ns() // 1_000_000
    keys = ""

    def rotate() -> None:
        nonlocal keys
        keys = _rotated_for_restore(Path(options.data), now_ms)

    def work(told: Callable[[int, int], None]) -> str:
        done = restore(options.source, Path(options.data), options.replace, now_ms, told, rotate)
        lines = [_described(f"{options.data}:", done.contents)]
        if done.replaced:
            lines.append(_described(f"{done.aside}: the old store,", done.replaced))
        elif done.aside:
            lines.append(f"{done.aside}: the old store, which could not be read")
        lines += [keys] if keys else []
        lines.append(
            "to do: have the senders resend what they sent since the newest entry, and before (docs/operations.md)"
        )
        return "\n".join(lines)

    return _with_a_bar("restoring", work)


def _rotated_for_restore(folder: Path, now_ms: int) -> str:
    """A new key for coupon codes in the folder; -> what is to be said and done about it."""
    from gateway.audit import AuditLog
    from gateway.coupon_key_file import CouponKeyFile
    from gateway.keys import BadKeys
    from supervision.envelope import rfc3339

    file = CouponKeyFile(folder)
    by_hand = f"run.py coupons keys rotate --data {folder}"
    if not file.path.exists():
        return f"to do, if it had coupons: put its {file.path.name} into {folder}, then {by_hand}; before the start"
    try:
        made = file.rotate(os.urandom, rfc3339(now_ms), AuditLog(folder, lambda: now_ms), _os_user())
    except BadKeys as bad:
        return f"to do: coupons issued from now on may have codes of coupons that were lost: {bad}"
    return f"{file.path}: made the key {made}, so that no new coupon gets the code of one that was lost"


def audit_books(options: argparse.Namespace) -> int:
    """Everybody's points against their records. 0 they are proven, 1 something is off or cannot be read, 2 there is
    nothing to audit.
    """
    from actors.points.auditor import Audit
    from actors.points.proof_shown import shown
    from supervision.clock import SystemClock
    from supervision.store_sqlite.beside import reading

    off = 0

    def work(told: Callable[[int, int], None]) -> str:
        nonlocal off
        with reading(Path(options.data), SystemClock()) as (reader, segments):
            audit = Audit(reader, segments)
            for done, total in audit.steps():
                told(done, total)
        off = audit.found
        return "\n".join(shown(audit))

    return _with_a_bar("auditing", work) or (EXIT_TROUBLE if off else 0)


def _described(what: str, found: Any) -> str:
    """A store's contents in two lines."""
    from supervision.envelope import rfc3339

    newest = rfc3339(found.last_at) if found.last_at else "none"
    heads = " ".join(f"{segment:02}:{head.offset}" for segment, head in sorted(found.heads.items()))
    return (
        f"{what} {found.size_bytes} bytes, epoch {found.epoch}, commit {found.commit_no}, newest entry {newest}\n"
        f"  heads  {heads}"
    )


def _with_a_bar(name: str, work: Callable[[Callable[[int, int], None]], str]) -> int:
    """Print what `work` answers; it is told how to say how far it is, to a terminal. Its errors as exit statuses."""
    from rich.console import Console
    from rich.progress import Progress

    from supervision.entry import Corrupt
    from supervision.store import Incompatible, Locked, StoreError
    from supervision.store_sqlite.copy import Declined

    try:
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task(name, total=None)

            def told(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total, description=name if done < total else "checking")

            text = work(told)
    except Locked as locked:
        return _fail(str(locked), EXIT_LOCKED)
    except (Declined, Incompatible) as error:
        return _fail(str(error), EXIT_USAGE)
    except (StoreError, Corrupt, OSError) as error:
        return _fail(f"{type(error).__name__}: {error}", EXIT_TROUBLE)
    print(text)
    return 0


def create_key(options: argparse.Namespace) -> int:
    """Prints the secret, which is kept nowhere. 0 it holds, 1 the disk failed, 2 it cannot be."""
    from gateway.keys import ID_BITS, SECRET_BITS, Key, digest_of, id_of, scopes_of, secret_of

    chance = SystemRandom()
    secret = secret_of(chance.getrandbits(SECRET_BITS))

    def act(file: Any, audit: Any, now: str) -> str:
        key = Key(
            id=id_of(chance.getrandbits(ID_BITS)), name=options.name, scopes=scopes_of(options.scopes), created=now,
            sha256=digest_of(secret), rate_per_minute=options.rate, staging=options.staging,
        )  # fmt: skip
        file.create(key, audit, _os_user())
        return f"{secret}\n  id {key.id}, scopes {','.join(key.scopes)}; this is the only time it is shown"

    return _about_keys(options, act)


def list_keys(options: argparse.Namespace) -> int:
    """One JSON line per key, oldest first."""
    from gateway.keys import shown

    return _about_keys(
        options, lambda file, _audit, _now: "\n".join(json.dumps(shown(key)) for key in file.read().keys)
    )


def revoke_key(options: argparse.Namespace) -> int:
    """0 it holds no longer, 1 the disk failed, 2 there is nothing to revoke."""

    def act(file: Any, audit: Any, now: str) -> str:
        return f"revoked {file.revoke(options.id, now, audit, _os_user()).id}"

    return _about_keys(options, act)


def list_coupon_keys(options: argparse.Namespace) -> int:
    """One JSON line per key. 0 done, 2 there are none that can be believed."""
    from gateway.coupon_key_file import CouponKeyFile

    return _about_keys(
        options, lambda file, _audit, _now: "\n".join(json.dumps(one) for one in file.listed()), CouponKeyFile
    )


def rotate_coupon_keys(options: argparse.Namespace) -> int:
    """0 there is a new one, 1 the disk failed, 2 there can be none."""
    from gateway.coupon_key_file import CouponKeyFile

    def act(file: Any, audit: Any, now: str) -> str:
        return f"made the key {file.rotate(os.urandom, now, audit, _os_user())}; it counts from the next start on"

    return _about_keys(options, act, CouponKeyFile)


def _about_keys(options: argparse.Namespace, act: Callable[[Any, Any, str], str], kind: Any = None) -> int:
    """Print what `act` of the file of that kind (API keys') in the folder answers; its errors as exit statuses."""
    from gateway.audit import AuditLog
    from gateway.key_file import KeyFile
    from gateway.keys import BadKeys
    from supervision.clock import SystemClock
    from supervision.envelope import rfc3339

    folder, clock = Path(options.data), SystemClock()
    try:
        text = act((kind or KeyFile)(folder), AuditLog(folder, clock.now_ms), rfc3339(clock.now_ms()))
    except BadKeys as bad:
        return _fail(str(bad), EXIT_USAGE)
    except OSError as error:
        return _fail(str(error), EXIT_TROUBLE)
    print(text)
    return 0


def _os_user() -> str:
    """Who runs this program, for the audit log."""
    try:
        return f"os:{pwd.getpwuid(os.getuid()).pw_name}"  # not the environment's word, which anybody may choose
    except KeyError:
        return f"os:{os.getuid()}"


def simulate_worlds(options: argparse.Namespace) -> int:
    """One world described, or many summed up; 1 when a checker objects or a coverage mark is missing."""
    from simulation.bugs import BUGS
    from simulation.world import quiet_logs

    if options.seeds < 1 or options.jobs < 0:
        return _fail("--seeds must be at least 1, --jobs at least 0 (one per core)", EXIT_USAGE)
    if options.bugs:
        return _hunt_bugs(options)
    if options.bug and options.bug not in BUGS:
        return _fail(f"--bug must be one of {', '.join(BUGS)}", EXIT_USAGE)
    quiet_logs()
    return _one_world(options) if options.seed is not None else _many_worlds(options)


def _one_world(options: argparse.Namespace) -> int:
    from simulation import campaign
    from simulation.draw import draw_of, overridden
    from simulation.spoken_trace import SpokenTrace

    try:
        dims = overridden(draw_of(options.seed), options.set)
    except ValueError as error:
        return _fail(str(error), EXIT_USAGE)
    trace = SpokenTrace(print) if options.trace else None
    outcome = campaign.run_one(options.seed, options.bug, dims, trace)
    print("\n".join(campaign.portrait(outcome, dims)))
    if outcome.violation:
        print("\n".join(campaign.autopsy(outcome, options.bug, options.set)))
    return EXIT_TROUBLE if outcome.violation else 0


def _many_worlds(options: argparse.Namespace) -> int:
    """The totals; before them the worlds that failed, the first few with everything about them."""
    from rich.console import Console
    from rich.progress import Progress

    from simulation import campaign
    from simulation.draw import seeds_with

    try:
        seeds = list(seeds_with(options.having, options.first, options.seeds))
    except ValueError as error:
        return _fail(str(error), EXIT_USAGE)
    began = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("worlds", total=len(seeds))
        outcomes = campaign.run_many(seeds, options.jobs or os.cpu_count() or 1, options.bug)
        totals = campaign.report(outcomes, lambda: bar.advance(task), bool(options.having))
    seconds = time.monotonic() - began
    for failed in totals.failed[: campaign.FAILURES_SHOWN]:
        print("\n".join(campaign.autopsy(failed, options.bug)))
    for failed in totals.failed[campaign.FAILURES_SHOWN :]:
        print(f"also failed: {failed.seed}: {failed.violation.partition(chr(10))[0]}")
    print("\n".join(totals.lines(seconds)))
    missing = totals.missing()
    for mark in missing:
        print(f"too rare: {mark}")
    return EXIT_TROUBLE if totals.failed or missing else 0


def _hunt_bugs(options: argparse.Namespace) -> int:
    """A table; 1 when a bug is not found within the limit."""
    from simulation.bugs import BUGS
    from simulation.bugs.hunt import WORLDS_MAX, hunt_all, save, table

    found = list(hunt_all(list(BUGS), options.jobs or os.cpu_count() or 1))
    print(table(found, options.markdown))
    if options.found is not None:
        save(options.found, found)
    missed = sum(not each.violation for each in found)
    print(f"bugs: {len(found)}, found: {len(found) - missed}, limit: {WORLDS_MAX} worlds each")
    return EXIT_TROUBLE if missed else 0


def check_rules(options: argparse.Namespace) -> int:
    """`rules check`: one line for each problem, with its place."""
    from actors.campaign.review import review

    refused = 0
    for path, file in _rule_files(options.files):
        found = review(bytes(file.campaign), options.zone, options.currency)
        for one in found.problems:
            print(f"{path}: {one.severity}: {one.path or 'the whole'}: {one.message} ({one.code})")
        if found.ok and found.cost is not None:
            cost = f"at most {found.cost.timers} timers and {found.cost.bytes_per_user} bytes for each user"
            print(f"{path}: ok, version {found.version}, {cost}")
        if options.normal and found.normal_form is not None:
            print(json.dumps(found.normal_form, ensure_ascii=False, indent=2))
        refused += not found.ok
    return EXIT_TROUBLE if refused else 0


def rehearse_rules(options: argparse.Namespace) -> int:
    """`rules test`: one line for each test, and why it failed."""
    from actors.campaign.review import checked
    from actors.campaign.rule_file import UNNAMED, failures

    failed = 0
    for path, file in _rule_files(options.files):
        found = checked(bytes(file.campaign), options.zone, options.currency)
        if found.campaign is None:
            failed += 1
            print(f"{path}: refused: {found.problems.errors[0].message}")
            continue
        for test in file.tests:
            why = list(failures(file.id or found.id or UNNAMED, found.campaign, test, options.currency))
            failed += bool(why)
            print(f"{path}: {'FAILED' if why else 'ok'}: {test.name}")
            print("".join(f"    {line}\n" for line in why), end="")
    return EXIT_TROUBLE if failed else 0


def _rule_files(paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
    """Each file, read; leaves the program at the first that is none."""
    from actors.campaign.rule_file import RuleFile, read

    for path in paths:
        try:
            file = read(path.read_bytes())
        except OSError as error:
            raise SystemExit(_fail(f"{path}: {error.strerror}", EXIT_USAGE)) from error
        if not isinstance(file, RuleFile):
            raise SystemExit(_fail(f"{path}: {file.message}", EXIT_TROUBLE))
        yield path, file


def show_tree(options: argparse.Namespace) -> int:
    """The tree of the engine behind --http."""
    from supervision.tree import Row, render

    base, headers = _engine(options.http)
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{base}/v1/tree", headers=headers), timeout=5) as answer:
            rows = msgspec.json.decode(answer.read(), type=dict[str, Any])["data"]
    except urllib.error.HTTPError as error:
        hint = f"; put an API key with the scope operations into {KEY_VARIABLE}" if error.code in (401, 403) else ""
        return _fail(f"{options.http} answers {error.code} {error.reason}{hint}", EXIT_TROUBLE)
    except (urllib.error.URLError, OSError) as error:
        return _fail(f"no engine answers at {options.http}: {error}", EXIT_TROUBLE)
    print(render([msgspec.convert(row, Row, strict=False) for row in rows]))
    return 0


def issue_coupons(options: argparse.Namespace) -> int:
    """A job of a file: handed in, then followed; a bar on a terminal, the sum in any case."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from gateway.job_client import SUFFIXES, follow, hand_in

    media = SUFFIXES.get(options.file.suffix.lower())
    if media is None:
        return _fail(f"{options.file}: its name must end in {', '.join(SUFFIXES)}", EXIT_USAGE)
    if not os.access(options.file, os.R_OK):
        return _fail(f"{options.file} cannot be read", EXIT_USAGE)
    wanted = {"job_id": options.job, "template": options.template, "activity_id": options.activity}
    base, headers = _engine(options.http)
    columns = ("issuing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        taken = hand_in(base, headers, options.file, media, {name: said for name, said in wanted.items() if said})
        with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
            task, seen = bar.add_task("", total=taken.users), []
            for now in follow(base, headers, taken.job_id):
                bar.update(task, total=now.users, completed=now.users - now.queued)
                seen = [now]
    except urllib.error.HTTPError as error:
        return _fail(f"{options.http} answers {error.code}: {error.read().decode(errors='replace')}", EXIT_TROUBLE)
    except (urllib.error.URLError, OSError) as error:
        return _fail(f"no engine answers at {options.http}: {error}", EXIT_TROUBLE)
    (last,) = seen
    refused = ", ".join(f"{number} {reason}" for reason, number in sorted(last.refused.items())) or "none"
    print(f"job {taken.job_id} {last.status}: {last.issued} issued, {last.already} had one, refused: {refused}")
    return 0


def _engine(address: str) -> tuple[str, dict[str, str]]:
    """(base of its URLs, headers with the key of the environment) of a running engine."""
    key = os.environ.get(KEY_VARIABLE)
    base = address if "://" in address else f"http://{address}"
    return base, {"authorization": f"Bearer {key}"} if key else {}


def show_topology(options: argparse.Namespace) -> int:
    """The table, for people or for `rabbitmqctl import_definitions`; or how it differs from what a broker holds."""
    from actors.registry import COMMANDS
    from topology.definitions import definitions, differences, missing_policies, of_vhost, render
    from topology.table import topology

    table = topology(sorted({spec.exchange for spec in COMMANDS.values()}), options.seed_queues)
    if options.compare:
        try:
            held = of_vhost(msgspec.json.decode(options.compare.read_bytes(), type=dict[str, Any]), options.vhost)
        except (OSError, msgspec.MsgspecError) as error:
            return _fail(f"{options.compare}: no definitions file: {error}", EXIT_USAGE)
        otherwise = differences(table, held)
        print(
            "\n".join(
                [*otherwise, *(f"warning: {line}" for line in missing_policies(table, held))] or ["no difference"]
            )
        )
        return EXIT_TROUBLE if otherwise else 0
    print(json.dumps(definitions(table, options.vhost), indent=2) if options.definitions else render(table))
    return 0


def _amqp(options: argparse.Namespace) -> str:
    if options.amqp:
        return str(options.amqp)
    noted = Path(options.data) / "broker" / "url"
    return noted.read_text() if noted.exists() else "amqp://guest:guest@127.0.0.1:5672/%2F"


def publish_file(options: argparse.Namespace) -> int:
    """JSON lines to the broker; a bar on a terminal, the sum in any case."""
    import pika
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from actors.registry import COMMANDS
    from topology.amqp_publish import AmqpPublish
    from topology.publish_file import PublishFailed, addressed, publish_all

    def prepare(parameters: pika.URLParameters) -> None:
        """The engine declares; a publisher only publishes."""

    try:
        total = None if options.file == "-" else _count_lines(Path(options.file))
        columns = ("publishing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with (
            closing(AmqpPublish(_amqp(options), prepare)) as port,
            Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar,
        ):
            task = bar.add_task("", total=total)
            lines = addressed(_lines(options.file), COMMANDS, options.exchange, options.key)
            result = publish_all(port, lines, lambda n: bar.advance(task, n))
    except (PublishFailed, ValueError, OSError) as error:
        return _fail(str(error), EXIT_TROUBLE)
    print(f"{result.confirmed} confirmed, {result.refused} refused, {result.unrouted} without a queue")
    return 0 if not (result.refused or result.unrouted) else EXIT_TROUBLE


def _lines(name: str) -> Iterator[bytes]:
    if name == "-":
        yield from sys.stdin.buffer
        return
    with open(name, "rb") as file:
        yield from file


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        blocks: Iterable[bytes] = iter(lambda: file.read(1 << 20), b"")
        return sum(block.count(b"\n") for block in blocks)


def watch_effects(options: argparse.Namespace) -> int:
    """Until Ctrl-C."""
    from pika.exceptions import AMQPError

    from topology.amqp_reason import reason_of
    from topology.amqp_watch import Seen, watch

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0

    def show(seen: Seen) -> bool:
        line = msgspec.json.encode(seen).decode()
        print(
            line if not width else f"{seen.key:32} {seen.message_id:24} {json.dumps(seen.body, ensure_ascii=False)}",
            flush=True,
        )
        return True

    try:
        watch(_amqp(options), show, options.key)
    except (AMQPError, ValueError) as error:
        return _fail(f"the broker is away: {reason_of(error)}", EXIT_TROUBLE)
    return 0


def carry_messages(options: argparse.Namespace) -> int:
    """Until a signal. 0 stopped in order, 1 the memory of what was delivered cannot be kept, 2 it cannot begin so."""
    import sqlite3

    from topology.last_mile.by_apprise import ByApprise, NotInstalled
    from topology.last_mile.heard import Heard
    from topology.last_mile.routes import BadRoute, parse

    file = Path(options.data) / "notify.sqlite3"
    try:
        apprise = ByApprise()
        routes = parse(options.apprise, apprise.can)
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(Heard(file)) as heard:
            _carry(_amqp(options), heard, routes, apprise.send)
    except (NotInstalled, BadRoute, ValueError, OSError) as error:
        return _fail(str(error), EXIT_USAGE)
    except sqlite3.Error as error:
        return _fail(f"{file}: {error}", EXIT_TROUBLE)
    return 0


def _carry(url: str, heard: Any, routes: Any, send: Callable[[str, str, str, bool], bool]) -> None:
    ended = threading.Event()
    on_signal(ended)
    _log_to_stderr("info")
    import pika

    from gateway.foreign_lines import adopt
    from supervision.clock import SystemClock
    from supervision.threads import ThreadRuntime
    from topology.amqp_consume import AmqpConsume
    from topology.amqp_publish import AmqpPublish
    from topology.last_mile.carrier import PREFETCH
    from topology.last_mile.queues import QUEUE, preparer
    from topology.last_mile.service import LastMile, Parts

    adopt("apprise")

    def prepare(parameters: pika.URLParameters) -> None:
        """The other connection declares."""

    with (
        closing(ThreadRuntime(SystemClock())) as runtime,
        closing(AmqpConsume(url, preparer(routes), PREFETCH, QUEUE)) as consume,
        closing(AmqpPublish(url, prepare)) as publish,
    ):
        LastMile(Parts(consume, publish, heard, routes, send, runtime, SystemRandom())).run(ended)


if __name__ == "__main__":
    sys.exit(main())
