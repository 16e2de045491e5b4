"""Which addresses a message may be sent to: the guard against using alerts to reach inside a network.

Python's `is_global` is not enough: it is True for NAT64, 6to4, 168.63.129.16 and multicast.
"""

from __future__ import annotations

import ipaddress
import socket
import threading

from collector.alerts.notifiers.base import DeliveryError, InvalidTarget

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Instance metadata: credentials for whoever can ask. No receiver lives there, so no setting opens them.
METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)

# These carry an IPv4 address inside and would lead around the rules for IPv4.
_TRANSLATED = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96")
)


def refusal(address: Address, allow_private: bool) -> str:
    """Why an address may not be called; "" if it may."""
    address = _unmapped(address)
    if address.is_loopback:  # before the translated ranges: ::1 lies in ::/96
        return "" if allow_private else _closed("a loopback address")
    if address in METADATA:
        return "it is the address of a cloud's instance metadata"
    if address.is_multicast or address.is_unspecified or any(address in net for net in _TRANSLATED):
        return "it is not the address of one host"
    if address.is_global or (allow_private and not address.is_reserved):
        return ""
    return _closed("a link-local address" if address.is_link_local else "a private address")


def check_literal(host: str, allow_private: bool) -> None:
    """Refuse a host that is written as an address and may not be called. Names are judged when resolved."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    reason = refusal(address, allow_private)
    if reason:
        raise InvalidTarget(f"this address may not be called: {reason}")


def resolve(host: str, port: int, allow_private: bool, timeout_s: float) -> str:
    """The one address to connect to. Refused if any address of the name is forbidden: a name that points
    both outside and inside is how rebinding begins."""
    found = _lookup_in_time(host, port, timeout_s)
    for text in found:
        reason = refusal(ipaddress.ip_address(text.partition("%")[0]), allow_private)
        if reason:
            raise DeliveryError(f"the name leads to an address that may not be called: {reason}", final=True)
    return found[0]


def _lookup_in_time(host: str, port: int, timeout_s: float) -> list[str]:
    """getaddrinfo has no timeout of its own, so it runs on a thread that may be left behind."""
    found: list[str] = []
    errors: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = threading.Thread(target=look_up, name="alert-resolve", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors or not found:
        raise DeliveryError("the name of the webhook's host could not be resolved", final=False)
    return found


def _addresses(host: str, port: int) -> list[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _closed(what: str) -> str:
    return f"it is {what}, which this server's settings do not allow (allow_private_webhooks)"
