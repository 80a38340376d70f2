"""A private RabbitMQ node: our own process, ports, name, cookie and folders, on loopback, gone when we are.

Debian starts one node for the whole machine, as another user, under systemd, on the well-known ports. A newcomer's
`make run` and a test run want the opposite: something that needs no rights, disturbs nobody and leaves nothing behind.
So this calls the package's inner script with a complete environment of its own; nothing is read from /etc/rabbitmq,
and even epmd, which Erlang nodes otherwise share, runs on a port of ours.

Erlang does not die with its parent. Therefore node and epmd hang on a leash: a small shell that holds the read end of
a pipe whose write end is ours. However we end, by `stop`, by an exception or by SIGKILL, the pipe closes and the node
is asked to stop. The folder is locked by node and owner together, so the next owner waits for an orphan's end instead
of fighting it.

It refuses to run twice on one folder, to stop a node it did not start, and to listen beyond loopback. It is for
development and tests: user `guest`, one node. Production has its own brokers (`--amqp`).
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import msgspec

start_s_max = 60.0
"""A node that does not speak AMQP by then is given up: five times what two slow cores need."""
stop_s_max = 20.0
"""An orderly stop may take this long; then the whole process group is killed."""
poll_s = 0.05
start_attempts_max = 3
"""Free ports are found, not reserved; somebody may take one in between."""
memory_bytes_max = 1 << 30
"""Above this the node blocks publishers (its memory alarm)."""
disk_free_bytes_min = 64 << 20
wal_bytes_max = 64 << 20
"""Quorum queues keep their write-ahead log in memory as well; the default of 512 MiB is for servers."""

_LEASH = """
exec 3<&0 </dev/null
"$LEASH_EPMD" -port "$ERL_EPMD_PORT" -address 127.0.0.1 3<&- &
epmd=$!
"$@" 3<&- &
node=$!
{ read -r _ <&3; kill -TERM "$node" 2>/dev/null; } &
leash=$!
wait "$node"
code=$?
kill "$epmd" "$leash" 2>/dev/null
exit "$code"
"""

_CONFIG = """\
listeners.tcp.local = 127.0.0.1:{amqp}
loopback_users.guest = true
log.file.level = warning
log.console = false
vm_memory_high_watermark.absolute = {memory}
disk_free_limit.absolute = {disk_free}
raft.wal_max_size_bytes = {wal}
collect_statistics_interval = 60000
"""
_CONFIG_MANAGEMENT = """\
management.tcp.ip = 127.0.0.1
management.tcp.port = {http}
management_agent.disable_metrics_collector = true
"""

_PACKAGED_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Below Debian's wrapper in /usr/sbin, which would change user and folder."""


class BrokerUnavailable(Exception):
    """RabbitMQ is not installed, or the node did not come up. The text is for people and says what to do."""


class BrokerInUse(Exception):
    """Another process runs a node in this folder."""


class Ports(msgspec.Struct, frozen=True):
    """TCP ports on 127.0.0.1. `http` (management) is taken only when asked for."""

    amqp: int
    distribution: int
    epmd: int
    http: int


def installed() -> bool:
    return not _missing()


class PrivateBroker:
    """One node that lives in `folder` between `start` and `stop`; the folder keeps its queues for the next start.

    `port` 0 = any free one. A node may be started again at the same address after `stop` or `kill`. For one thread.
    """

    def __init__(self, folder: Path, port: int = 0, management: bool = False) -> None:
        self.folder = folder.absolute()
        self.management = management
        self.ports: Ports | None = None
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    def start(self) -> str:
        """Start the node and return its AMQP address once it answers there.

        About 10 s on two slow cores, nearly all of it CPU. Raises BrokerUnavailable (nothing runs then) or BrokerInUse.
        """
        assert self._process is None, "started already"
        if missing := _missing():
            raise BrokerUnavailable(f"RabbitMQ is not installed ({missing} not found): apt-get install rabbitmq-server")
        self._lock = self._locked_folder()
        try:
            self._start_on_free_ports()
        except BaseException:
            self.kill()
            raise
        return self.url()

    def url(self, vhost: str = "/") -> str:
        assert self.ports is not None, "not started"
        return f"amqp://guest:guest@127.0.0.1:{self.ports.amqp}/{quote(vhost, safe='')}"

    @property
    def http_url(self) -> str:
        """Where the management API answers; only with `management`."""
        assert self.ports is not None and self.management
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, within_s: float | None = None) -> None:
        """End the node in order, and epmd with it, within `stop_s_max` or what is given; then kill it. Does nothing
        when it does not run.
        """
        process = self._process
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(stop_s_max if within_s is None else within_s)
        self.kill()

    def kill(self) -> None:
        """End node and epmd at once. What was confirmed stays in the folder, with one exception of RabbitMQ 3.10.

        Killed within seconds after a quorum queue was declared, it forgets the queue's Raft name (names.dets is
        written later than the queue's record): the queue is there after the next start, but never gets a leader.
        """
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None or process.returncode < 0:  # else the leash saw both end
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        if self._lock is not None:
            # Dying processes may hold the lock a moment longer than we do; the next start waits, since nobody owns it.
            (self.folder / "owner.json").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> PrivateBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_on_free_ports(self) -> None:
        attempts = 1 if self.ports is not None else start_attempts_max
        for attempt in range(attempts):
            ports = self.ports or _free_ports(self._wanted_port)
            self._prepare(ports)
            self._process = self._spawned(ports)
            try:
                self._await_amqp(ports)
            except BrokerUnavailable:
                ended_by_itself = not self.running
                self._end_attempt()
                if attempt == attempts - 1 or not ended_by_itself:
                    raise
                continue
            self.ports = ports
            (self.folder / "born").touch()
            return

    def _end_attempt(self) -> None:
        lock, self._lock = self._lock, None
        self.kill()
        self._lock = lock

    def _locked_folder(self) -> int:
        """The folder's lock. An orphan of a killed owner holds it until it has stopped by itself: wait for that."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "owner.json"
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + stop_s_max
        with ExitStack() as unless_locked:
            unless_locked.callback(os.close, lock)
            while not _try_lock(lock):
                owner = _owner(path)
                if _alive(owner) or time.monotonic() > deadline:
                    raise BrokerInUse(f"{self.folder} is in use by process {owner}; stop it or choose another folder")
                time.sleep(poll_s)
            unless_locked.pop_all()
        path.write_text(json.dumps({"pid": os.getpid()}))
        return lock

    def _prepare(self, ports: Ports) -> None:
        """Write what the node reads. A folder whose node never came up holds nothing worth keeping: it begins anew."""
        folder = self.folder
        if not (folder / "born").exists():
            shutil.rmtree(folder / "data", ignore_errors=True)
        for name in ("home", "data", "logs", "conf.d"):
            (folder / name).mkdir(exist_ok=True)
        _write_once(folder / "name", f"ganglion-{secrets.token_hex(4)}@localhost")
        _write_once(folder / "home" / ".erlang.cookie", secrets.token_hex(20))
        config = _CONFIG + (_CONFIG_MANAGEMENT if self.management else "")
        (folder / "rabbitmq.conf").write_text(
            config.format(
                amqp=ports.amqp,
                http=ports.http,
                memory=memory_bytes_max,
                disk_free=disk_free_bytes_min,
                wal=wal_bytes_max,
            )
        )
        (folder / "plugins").write_text("[rabbitmq_management].\n" if self.management else "[].\n")
        (folder / "empty").write_text("")

    def _spawned(self, ports: Ports) -> subprocess.Popen[bytes]:
        assert self._lock is not None
        script = _script()
        assert script is not None
        with (self.folder / "logs" / "start.log").open("wb") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", _LEASH, "leash", script, "-noinput", "+B", "i"],
                env=self._environment(ports),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for us; we then end it in order
                pass_fds=(self._lock,),
            )

    def _environment(self, ports: Ports) -> dict[str, str]:
        folder = self.folder
        epmd = shutil.which("epmd")
        assert epmd is not None
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_", "NOTIFY_SOCKET"))}
        return inherited | {
            "HOME": str(folder / "home"),
            "LEASH_EPMD": epmd,
            "ERL_EPMD_PORT": str(ports.epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_ALLOW_INPUT": "1",  # makes the script become the node instead of watching over it
            "RABBITMQ_NODENAME": (folder / "name").read_text(),
            "RABBITMQ_NODE_PORT": str(ports.amqp),
            "RABBITMQ_DIST_PORT": str(ports.distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": str(folder / "empty"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_MNESIA_DIR": str(folder / "data" / "node"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "data" / "config"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_LOGS": str(folder / "logs" / "node.log"),
            "RABBITMQ_PID_FILE": str(folder / "data" / "node.pid"),
        }

    def _await_amqp(self, ports: Ports) -> None:
        deadline = time.monotonic() + start_s_max
        while not _speaks_amqp(ports.amqp) or (self.management and not _listens(ports.http)):
            if not self.running:
                raise BrokerUnavailable(f"RabbitMQ did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"RabbitMQ did not answer within {start_s_max:.0f} s: {self._last_words()}")
            time.sleep(poll_s)
        if not self.running:
            raise BrokerUnavailable(f"port {ports.amqp} answers, but it is not our node: {self._last_words()}")

    def _last_words(self) -> str:
        logs = self.folder / "logs"
        texts = [path.read_text(errors="replace") for path in (logs / "start.log", logs / "node.log") if path.exists()]
        lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
        return " | ".join(lines[-6:]) + f" (see {logs})"


def _missing() -> str | None:
    if _script() is None:
        return "rabbitmq-server"
    return next((program for program in ("erl", "epmd") if shutil.which(program) is None), None)


def _script() -> str | None:
    return str(_PACKAGED_SCRIPT) if _PACKAGED_SCRIPT.exists() else shutil.which("rabbitmq-server")


def _free_ports(wanted: int) -> Ports:
    """Four ports nobody listens on now, the first being `wanted` unless that is 0."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(4)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        amqp, distribution, epmd, http = (each.getsockname()[1] for each in sockets)
    if wanted and _listens(wanted):
        raise BrokerUnavailable(f"port {wanted} on 127.0.0.1 is taken; choose another, or 0 for any free one")
    return Ports(wanted or amqp, distribution, epmd, http)


def _speaks_amqp(port: int) -> bool:
    """Whether the first frame of an AMQP 0-9-1 greeting comes back: only then the node takes connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as peer:
            peer.sendall(b"AMQP\x00\x00\x09\x01")
            return peer.recv(1) == b"\x01"
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(path: Path) -> int | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int]).get("pid")
    except (OSError, msgspec.MsgspecError):
        return None


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    return True


def _write_once(path: Path, text: str) -> None:
    """Whole or not at all, and for the owner only, as Erlang wants its cookie."""
    if not path.exists():
        half = path.with_name(path.name + ".half")
        half.unlink(missing_ok=True)
        half.touch(mode=0o600)
        half.write_text(text)
        half.chmod(0o400)
        half.replace(path)
