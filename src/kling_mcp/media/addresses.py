"""Where a result may be fetched from: public addresses only, looked up once and then held on to.

A result's URL comes from outside. Followed blindly it could name this machine, its network or a cloud's metadata
service, and a name may point elsewhere on the second look-up; so the address that was judged is the one connected
to.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from kling_mcp.errors import Refused, Unavailable, trimmed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from httpx2 import URL

    Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
    """From host and port to numeric addresses. Raises OSError where the name leads nowhere."""

_V6_PUBLIC = ipaddress.ip_network("2000::/3")
"""All public IPv6 there is. Every form that carries an IPv4 address inside lies outside, or is listed below."""

_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's metadata and control host: looks public, is not
        "192.0.0.0/24",  # protocol assignments; Python calls two of them public
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # Teredo (IPv4 inside) and other protocol assignments
        "2002::/16",  # 6to4 (IPv4 inside)
        "3fff::/20",  # documentation; older Pythons do not know it
    )
)

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""Interface identifiers that carry an IPv4 address in their lower half, in whatever network."""


_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a credential or a trust belongs to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute URL, with the scheme's own port where none is given.

        Raises:
            ValueError: The URL's port is none.
        """
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        return cls(parts.scheme, parts.hostname or "", port)

    @classmethod
    def reached_by(cls, url: URL) -> Origin:
        """Where the HTTP client would connect to: by its own reading of the URL, not by another parser's."""
        return cls(url.scheme, url.host, _PORTS.get(url.scheme, 0) if url.port is None else url.port)

    @property
    def on_this_machine(self) -> bool:
        """Whether a connection would never leave it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def is_public(address: str) -> bool:
    """Whether a numeric address is out on the internet, and carries no other address inside it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(ip in network for network in _NEVER):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in _V6_PUBLIC and ip.is_global and (int(ip) >> 32) & 0xFFFF_FFFF not in _ISATAP
    return ip.is_global and not ip.is_multicast


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver. Also reads shorthand such as ``127.1`` the way a connection would."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def public_addresses(url: URL, resolver: Resolver) -> Sequence[str]:
    """The addresses behind an https URL, every one of them public.

    Raises:
        Refused: The URL is not one we follow, or some address behind it is not public.
        Unavailable: The name leads nowhere right now.
    """
    if url.scheme != "https" or not url.host or url.userinfo:
        raise forbidden(url, "is not a plain https address")
    try:
        port = Origin.of(str(url)).port
        addresses = await resolver(url.raw_host.decode("ascii").strip("[]"), port)
    except ValueError as error:
        raise forbidden(url, "is malformed") from error
    except OSError as error:
        raise Unavailable(f"The name {_shown(url)} could not be looked up.", fix="Check the network.") from error
    if not addresses or not all(is_public(address) for address in addresses):
        raise forbidden(url, "leads into a private network")
    return addresses


def forbidden(url: URL, why: str) -> Refused:
    """The refusal of an address. Names the host only: the rest of a result's URL is a key to it."""
    return Refused(
        f"The result's address ({_shown(url)}) {why}, so it was not fetched.",
        fix="Kling's own results are public https addresses; if this one is expected, tell the human.",
        code="forbidden_address",
    )


def _shown(url: URL) -> str:
    return trimmed(f"{url.scheme}://{url.host}", 100)
