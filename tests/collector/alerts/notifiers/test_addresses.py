"""Which addresses may be called, with and without the operator's leave."""

from __future__ import annotations

import ipaddress
import socket
import threading

import pytest

from collector.alerts.notifiers.addresses import refusal, resolve
from collector.alerts.notifiers.base import DeliveryError

PRIVATE = ["127.0.0.1", "::1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.1.1", "fe80::1", "fd12::1",
           "100.64.0.1", "::ffff:10.0.0.1"]  # fmt: skip
NEVER = [
    "169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "::ffff:169.254.169.254",
    "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",  # no host's
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:1::1", "::127.0.0.1",  # an IPv4 address in disguise
]  # fmt: skip
PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_called(text):
    assert refusal(ipaddress.ip_address(text), allow_private=False) == ""


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_need_the_operators_leave(text):
    assert "allow_private_webhooks" in refusal(ipaddress.ip_address(text), allow_private=False)
    assert refusal(ipaddress.ip_address(text), allow_private=True) == ""


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("allow_private", [False, True])
def test_metadata_and_what_is_no_host_is_never_called(text, allow_private):
    assert refusal(ipaddress.ip_address(text), allow_private) != ""


def answer(*addresses: str):
    def getaddrinfo(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_a_name_is_resolved_once_and_its_address_is_used(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answer("93.184.216.34"))
    assert resolve("example.org", 443, allow_private=False, timeout_s=5) == "93.184.216.34"


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("93.184.216.34", "127.0.0.1")])
def test_a_name_that_leads_inside_is_refused_for_good(monkeypatch, addresses):
    monkeypatch.setattr(socket, "getaddrinfo", answer(*addresses))
    with pytest.raises(DeliveryError) as refused:
        resolve("rebind.example.org", 443, allow_private=False, timeout_s=5)
    assert refused.value.final
    assert "rebind" not in refused.value.reason


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    release = threading.Event()

    def hang(*_, **__):
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(DeliveryError) as failed:
        resolve("slow.example.org", 443, allow_private=False, timeout_s=0.05)
    release.set()
    assert not failed.value.final
