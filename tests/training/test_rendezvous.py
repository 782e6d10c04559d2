"""Processes that find each other, here threads of one."""

import concurrent.futures
import queue
import socket
import time

import pytest

from kerasseg.training.rendezvous import meet
from kerasseg.training.rendezvous import parse_hosts


@pytest.fixture
def hosts():
    """Three addresses, the first with a free port of this machine."""
    with socket.create_server(("", 0)) as probe:
        port = probe.getsockname()[1]
    return (f"localhost:{port}", "b:2", "c:3")


@pytest.fixture
def threads():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield pool


def all_of(hosts, threads):
    """The memberships of all processes."""
    asked = [threads.submit(meet, hosts, i, 10) for i in (2, 0, 1)]
    found = [future.result() for future in asked]
    return sorted(found, key=lambda membership: membership.process_id)


def watched(memberships):
    """What each is told of losses."""
    told = [queue.Queue() for _ in memberships]
    for membership, losses in zip(memberships, told, strict=True):
        membership.watch(losses.put)
    return told


def test_addresses():
    assert parse_hosts("a:1, [::1]:65535") == ("a:1", "[::1]:65535")


@pytest.mark.parametrize("text", ["a", "a:", ":1", "a:b", "a:0", "a:70000,b:1"])
def test_no_addresses(text):
    with pytest.raises(ValueError, match="`hosts` must be addresses HOST:PORT"):
        parse_hosts(text)


@pytest.mark.parametrize("text", ["a:1", "a:1,a:1"])
def test_too_few_addresses(text):
    with pytest.raises(ValueError, match="two or more different addresses"):
        parse_hosts(text)


def test_all_meet_in_any_order_and_leave_together(hosts, threads):
    memberships = all_of(hosts, threads)
    told = watched(memberships)
    # The port is free for what comes after.
    socket.create_server(("", int(hosts[0][10:])), reuse_port=False).close()
    first = threads.submit(memberships[0].leave)
    second = threads.submit(memberships[1].leave)
    time.sleep(0.2)
    assert not first.done()
    memberships[2].leave()
    first.result(10)
    second.result(10)
    assert all(losses.empty() for losses in told)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_dies_is_named_to_all_others(hosts, threads, lost):
    memberships = all_of(hosts, threads)
    told = watched([m for m in memberships if m.process_id != lost])
    # What the system does with the connections of a process that is killed.
    for peer in memberships[lost]._peers.values():
        peer.close()
    for losses in told:
        sentence = losses.get(timeout=10)
        assert sentence == f"process {lost} ({hosts[lost]}) has gone"
    assert memberships[2].wait_for_loss(10)
    for membership in memberships:
        membership.fail("end of the test")


@pytest.mark.parametrize("failed", [0, 2])
def test_a_process_that_fails_says_why(hosts, threads, failed):
    memberships = all_of(hosts, threads)
    told = watched(memberships)
    memberships[failed].fail("no such file: a.png")
    for process, losses in enumerate(told):
        if process != failed:
            assert losses.get(timeout=10) == (
                f"process {failed} ({hosts[failed]}) failed: "
                "no such file: a.png"
            )
    assert told[failed].empty()
    for membership in memberships:
        membership.fail("end of the test")


def test_hosts_that_never_come_up(hosts, threads):
    with pytest.raises(
        TimeoutError, match=r"Waited 0\.2 seconds for process 0 \(localhost"
    ):
        meet(hosts, 1, 0.2)
    one = threads.submit(meet, hosts, 1, 1)
    with pytest.raises(
        TimeoutError, match=r"Waited 1 seconds for process 2 \(c:3\)\. Start"
    ):
        meet(hosts, 0, 1)
    with pytest.raises(TimeoutError, match=r"for process 2 \(c:3\) \(or"):
        one.result(10)


def test_processes_that_were_started_otherwise(hosts, threads):
    zero = threads.submit(meet, hosts, 0, 3)
    others = (hosts[0], "b:2", "d:4")
    with pytest.raises(ValueError, match="started with the hosts .*b:2,c:3"):
        meet(others, 2, 3)
    # Nobody who speaks another language keeps the others out.
    with socket.create_connection(("localhost", int(hosts[0][10:]))) as peer:
        peer.sendall(b"GET / HTTP/1.1\n")
    one = threads.submit(meet, hosts, 1, 3)
    time.sleep(0.2)
    with pytest.raises(ValueError, match="has a process 1 already"):
        meet(hosts, 1, 3)
    two = meet(hosts, 2, 3)
    for membership in (zero.result(), one.result(), two):
        membership.fail("end of the test")


def test_a_port_that_is_taken(hosts):
    port = int(hosts[0][10:])
    with (
        socket.create_server(("", port)),
        pytest.raises(ValueError, match="a port of this machine that is free"),
    ):
        meet(hosts, 0, 1)


def test_no_such_process(hosts):
    with pytest.raises(ValueError, match="from 0 to 2, one .*process_id=3"):
        meet(hosts, 3, 1)
