"""Free ports on 127.0.0.1 that stay free.

The usual way, binding port 0, takes a port from the range that outgoing connections use. A service that is killed and
restarted on such a port may find it taken by a stranger's connection, or by a client of its own that, reconnecting
again and again, at last connected to itself. So ports come from below that range.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from schemas.errors import DanganError

_LOWEST, _HIGHEST = 15_000, 32_000
_TRIES = 400


def is_free(port: int) -> bool:
    """Whether a service could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: a port whose last connections are only lingering is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(names: Iterable[str], preferred: Mapping[str, int] | None = None) -> dict[str, int]:
    """Choose a free port for each name.

    Args:
        names: what the ports are for.
        preferred: ports used before; each is kept if it is still free.

    Raises:
        DanganError: DG-OPS-006 if there is none.
    """
    highest = min(_HIGHEST, _first_outgoing_port() - 1)
    lowest = min(_LOWEST, highest - 1000)
    chosen: dict[str, int] = {}
    for name in names:
        before = (preferred or {}).get(name)
        if before is not None and is_free(before):
            chosen[name] = before
            continue
        for _ in range(_TRIES):
            port = random.randint(lowest, highest)  # noqa: S311 - spreads concurrent runs, hides nothing
            if port not in chosen.values() and is_free(port):
                chosen[name] = port
                break
        else:
            raise DanganError("DG-OPS-006", detail=name)
    return chosen


def _first_outgoing_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 49_152  # RFC 6335
