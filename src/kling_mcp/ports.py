"""Listening on a port, and saying clearly why it cannot be."""

from __future__ import annotations

import errno
import socket

from kling_mcp.errors import LocalTrouble


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host``, so that a port in use is known before anything else starts.

    Raises:
        LocalTrouble: The port is taken or may not be used, or the address is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = {errno.EADDRINUSE: "is already in use", errno.EACCES: "may not be used by this account"}
        why = reason.get(error.errno or 0, f"cannot be listened on ({error.strerror})")
        raise LocalTrouble(f"Port {port} on {host} {why}.", fix="Choose another with --port.") from error


def authority(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
