"""Where a request comes from: the peer, or what our own proxies say of it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

UNKNOWN: Final = "unknown"
_SCHEMES: Final = {"http": "https", "ws": "wss"}


def client_address(connection: HTTPConnection) -> str:
    """The client's IP address; `unknown` where there is none, as on a Unix socket."""
    return UNKNOWN if connection.client is None else connection.client.host


def address_to_limit(connection: HTTPConnection) -> str:
    """What rate limits know a client by: the address, of IPv6 its /64, which is one customer's."""
    text = client_address(connection)
    address = _address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return text


class TrustedProxies:
    """ASGI middleware that believes `X-Forwarded-For` and `X-Forwarded-Proto` of these networks only.

    The client is the last address in the list that is none of our proxies': whatever stands before it was
    written by the client.
    """

    def __init__(self, app: ASGIApp, *, networks: Sequence[str] = ()) -> None:
        self._app = app
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text) for text in networks]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._networks and scope["type"] in ("http", "websocket"):
            peer = scope.get("client")
            if peer is not None and self._is_trusted(_address(peer[0])):
                headers = Headers(scope=scope)
                scope["client"] = (self._origin(peer[0], headers.getlist("x-forwarded-for")), 0)
                if headers.getlist("x-forwarded-proto")[-1:] in (["https"], ["wss"]):
                    scope["scheme"] = _SCHEMES.get(scope["scheme"], scope["scheme"])
        await self._app(scope, receive, send)

    def _origin(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The client's address; the nearest proxy's own when the list says nothing usable."""
        origin = peer
        for text in reversed(",".join(forwarded_for).split(",")):
            address = _address(text.strip())
            if address is None:
                break
            origin = str(address)
            if not self._is_trusted(address):
                break
        return origin

    def _is_trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that the text is; an IPv4 address also when it is written as an IPv6 one.

    None for one with a zone (`fe80::1%eth0`): what stands behind the `%` could be anything.
    """
    try:
        address = ip_address("" if "%" in text else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
