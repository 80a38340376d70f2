"""The simulator runs production's modules: whatever a serving process imports of ours, a simulating one does too,
but for the adapters at the edge, each of which is named here with what stands in for it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys

from tests.house.ours import root

ADAPTERS = {
    "gateway.access": "HTTP: whose request it is",
    "gateway.address": "the command line",
    "gateway.answers": "HTTP's own answers",
    "gateway.app": "Litestar",
    "gateway.assembly": "what HTTP is given",
    "gateway.audit": "a file beside the store",
    "gateway.body": "Litestar",
    "gateway.coupon_jobs": "HTTP: what goes in are messages of the jobs domain",
    "gateway.code_guard": "HTTP: whose request it is",
    "gateway.coupon_commands": "HTTP's table of commands",
    "gateway.coupon_key_file": "a file beside the store",
    "gateway.coupon_keys": "a file beside the store",
    "gateway.door": "HTTP: bounds on what is under way",
    "gateway.estimates": "a question that only HTTP asks: reads and writes nothing",
    "gateway.exposure": "the command line",
    "gateway.foreign_lines": "what uvicorn logs",
    "gateway.health": "HTTP",
    "gateway.imported_codes": "HTTP: what goes in are entries of the imported codes' domain",
    "gateway.key_file": "a file beside the store",
    "gateway.key_ring": "a file beside the store",
    "gateway.keys": "HTTP: whose request it is",
    "gateway.message_schema": "OpenAPI",
    "gateway.metrics": "Prometheus",
    "gateway.order_schema": "OpenAPI",
    "gateway.parameters": "Litestar",
    "gateway.points_commands": "HTTP's table of commands",
    "gateway.listed": "questions that only HTTP asks: the puts are programmes.py's",
    "gateway.private_file": "a file beside the store",
    "gateway.protocol": "uvicorn",
    "gateway.rate": "HTTP: whose request it is",
    "gateway.replies": "HTTP's event loop",
    "gateway.routes_audit": "Litestar",
    "gateway.routes_carts": "Litestar",
    "gateway.routes_codes": "Litestar",
    "gateway.routes_behaviour": "Litestar",
    "gateway.routes_campaigns": "Litestar",
    "gateway.routes_commands": "Litestar",
    "gateway.routes_coupons": "Litestar",
    "gateway.routes_estimate": "Litestar",
    "gateway.routes_events": "Litestar",
    "gateway.routes_export": "Litestar",
    "gateway.routes_health": "Litestar",
    "gateway.routes_jobs": "Litestar",
    "gateway.routes_listed": "Litestar",
    "gateway.message_templates": "questions that only HTTP asks: the puts are programmes.py's",
    "gateway.routes_message_templates": "Litestar",
    "gateway.routes_operations": "Litestar",
    "gateway.routes_points": "Litestar",
    "gateway.routes_programmes": "Litestar",
    "gateway.routes_stops": "Litestar",
    "gateway.routes_templates": "Litestar",
    "gateway.sample": "Prometheus",
    "gateway.server": "uvicorn",
    "gateway.settings": "the command line",
    "gateway.stops": "questions that only HTTP asks: the puts are programmes.py's",
    "gateway.user_lines": "HTTP: files",
    "gateway.templates": "questions that only HTTP asks: the puts are programmes.py's",
    "gateway.validation": "a question that only HTTP asks: reads and writes nothing",
    "gateway.waiting": "HTTP's event loop",
    "gateway.webhook_file": "a file beside the store",
    "supervision.pool": "threads: stepped.py stands in",
    "supervision.store_sqlite": "sqlite3: store_simulated.py stands in",
    "supervision.threads": "threads: stepped.py stands in",
    "supervision.witness_file": "mmap: witness.py's MemoryWitness stands in",
    "topology.amqp_consume": "pika: simulation/broker.py stands in",
    "topology.amqp_deliveries": "pika",
    "topology.amqp_frames": "pika",
    "topology.amqp_publish": "pika: simulation/broker.py stands in",
    "topology.amqp_reason": "pika",
    "topology.amqp_socket": "pika",
    "topology.amqp_thread": "pika",
    "topology.amqp_topology": "pika",
    "topology.broker_node": "a private RabbitMQ's process",
    "topology.webhooks.http": "HTTP: what calls other systems",
}
"""Of a serving process only."""

STAND_INS = {"supervision.stepped", "supervision.store_simulated", "supervision.trace", "supervision.sorted_table"}
"""Of a simulating process only, besides the simulation itself."""

OURS = ("actors", "supervision", "topology", "gateway")
FOREIGN = ("sqlite3", "pika", "uvicorn", "litestar", "prometheus_client", "redis")


def test_a_simulation_runs_productions_modules_minus_the_adapters() -> None:
    simulated, served = modules("import simulation.world"), modules(served_imports())
    missing = {name for name in ours(served) - ours(simulated) if not covered(name, ADAPTERS)}
    assert missing == set(), "production runs these, the simulation does not"
    strangers = {name for name in ours(simulated) - ours(served) if name not in STAND_INS}
    assert strangers == set(), "the simulation runs these, production does not"


def test_a_simulation_loads_no_database_broker_client_or_web_server() -> None:
    assert [name for name in FOREIGN if name in modules("import simulation.world")] == []


def test_every_adapter_is_one_that_a_serving_process_imports() -> None:
    served = modules(served_imports())
    assert [name for name in ADAPTERS if name not in served] == []


def served_imports() -> str:
    """The imports of run.py's `serve` and `Service`, as one program."""
    tree = ast.parse((root / "run.py").read_text())
    wanted = {"serve", "Service", "_private_broker"}
    parts = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted]
    assert {part.name for part in parts} == wanted
    imports = [node for part in parts for node in ast.walk(part) if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in imports)


def modules(program: str) -> set[str]:
    """What a fresh interpreter has loaded after `program`."""
    command = [sys.executable, "-c", f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(ran.stdout))


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in OURS}


def covered(name: str, adapters: dict[str, str]) -> bool:
    """It is an adapter, or part of one."""
    return any(name == adapter or name.startswith(f"{adapter}.") for adapter in adapters)
