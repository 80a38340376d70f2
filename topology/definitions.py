"""The table in the forms others want: a RabbitMQ definitions file, a table to read, and the difference to what a broker
holds.

The definitions hold no users and no permissions: a broker without users that loads them at boot would have none (its
default user is not made then), so the operator imports them into one that has (`rabbitmqctl import_definitions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from topology.table import Topology

COLUMNS = ("object", "kind", "arguments")


def definitions(table: Topology, vhost: str = "/") -> dict[str, Any]:
    """What `rabbitmqctl import_definitions` and the management plugin's upload read."""
    return {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            {
                "name": e.name, "vhost": vhost, "type": e.type, "durable": True, "auto_delete": False,
                "internal": False, "arguments": dict(e.arguments),
            }
            for e in table.exchanges
        ],
        "queues": [
            {"name": q.name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": dict(q.arguments)}
            for q in table.queues
        ],
        "bindings": [
            {
                "source": b.source, "vhost": vhost, "destination": b.destination, "destination_type": b.to,
                "routing_key": b.key, "arguments": {},
            }
            for b in table.bindings
        ],
        "policies": [
            {
                "name": p.name, "vhost": vhost, "pattern": p.pattern, "apply-to": p.apply_to, "priority": p.priority,
                "definition": dict(p.definition),
            }
            for p in table.policies
        ],
    }  # fmt: skip


def of_vhost(held: Mapping[str, Any], vhost: str) -> dict[str, Any]:
    """Of a whole broker's definitions (`rabbitmqctl export_definitions`), what belongs to `vhost`."""
    kinds = ("exchanges", "queues", "bindings", "policies")
    return {kind: [item for item in held.get(kind, ()) if item.get("vhost") == vhost] for kind in kinds}


def differences(table: Topology, held: Mapping[str, Any]) -> list[str]:
    """What a broker's exported definitions of one vhost lack or hold otherwise, one line each."""
    wanted = definitions(table)
    lines = [
        *_compared("exchange", wanted["exchanges"], held.get("exchanges", []), ("type", "durable", "arguments")),
        *_compared("queue", wanted["queues"], held.get("queues", []), ("durable", "arguments")),
    ]
    there = {_binding(b) for b in held.get("bindings", [])}
    lines += [f"missing {_binding(b)}" for b in wanted["bindings"] if _binding(b) not in there]
    return lines


def missing_policies(table: Topology, held: Mapping[str, Any]) -> list[str]:
    """Policies that are not there under our names: worth a warning, since an operator may have his own."""
    names = {p["name"] for p in held.get("policies", [])}
    return [
        f"missing policy {p.name}: {dict(p.definition)} on {p.pattern}" for p in table.policies if p.name not in names
    ]


def _compared(
    kind: str, wanted: Sequence[Mapping[str, Any]], held: Iterable[Mapping[str, Any]], keys: Sequence[str]
) -> list[str]:
    there = {item["name"]: item for item in held}
    lines: list[str] = []
    for item in wanted:
        found = there.get(item["name"])
        if found is None:
            lines.append(f"missing {kind} {item['name']}")
            continue
        lines += [
            f"{kind} {item['name']}: {key} is {found.get(key)!r}, should be {item[key]!r}"
            for key in keys
            if found.get(key) != item[key]
        ]
    return lines


def _binding(binding: Mapping[str, Any]) -> str:
    key = f" with {binding['routing_key']!r}" if binding["routing_key"] else ""
    return f"binding {binding['source']} -> {binding['destination_type']} {binding['destination']}{key}"


def rows(table: Topology) -> list[tuple[str, str, str]]:
    """(object, kind, arguments), in the order in which they can be declared."""
    return [
        *((e.name, f"{e.type} exchange", _arguments(e.arguments)) for e in table.exchanges),
        *((q.name, "queue", _arguments(q.arguments)) for q in table.queues),
        *((f"{b.source} -> {b.destination}", f"binding to {b.to}", b.key) for b in table.bindings),
        *((p.name, f"policy on {p.apply_to}", f"{p.pattern} {_arguments(p.definition)}") for p in table.policies),
    ]


def render(table: Topology) -> str:
    """The table for a terminal."""
    lines = [COLUMNS, *rows(table)]
    widths = [max(len(line[i]) for line in lines) for i in range(2)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in lines)


def _arguments(arguments: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in arguments.items())
