"""Processes on several hosts that find each other, and notice who is lost.

JAX ends a process with a trace of C++ when another does not come up or dies.
Here both become a sentence. Every process keeps a connection to the first;
what goes over it are lines of JSON.
"""

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence

# Seconds; a line is a few hundred bytes, so whoever sends one sends it at once.
_PATIENCE = 5.0
_PAUSE = 0.1
_LONGEST = 1 << 16
# A host without power is noticed after 10 + 3 * 5 seconds.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


def parse_hosts(text: str) -> tuple[str, ...]:
    """Addresses of the processes of a training.

    Args:
        text: `HOST:PORT` for each, with commas between them. The first is
            where all meet; the others only tell processes apart.

    Returns:
        The addresses.

    Raises:
        ValueError: If one is no address, or stands twice, or there are not
            two.
    """
    hosts = tuple(part.strip() for part in text.split(","))
    for host in hosts:
        name, _, port = host.rpartition(":")
        if not name or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(
                "`hosts` must be addresses HOST:PORT with commas between them. "
                f"Received: {host!r}"
            )
    if len(hosts) < 2 or len(set(hosts)) < len(hosts):
        raise ValueError(
            "`hosts` must be two or more different addresses. "
            f"Received: hosts={text!r}"
        )
    return hosts


class Membership:
    """The connections of a process to the others of a training.

    Args:
        hosts: Addresses of all processes.
        process_id: Which of them this is.
        peers: Open sockets by the number of the process at the other end.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        process_id: int,
        peers: dict[int, socket.socket],
    ) -> None:
        self.hosts = hosts
        self.process_id = process_id
        self._peers = peers
        self._failed = threading.Event()
        self._lost = threading.Event()
        self._thread = None

    def watch(self, on_loss: Callable[[str], None]) -> None:
        """Waits in a thread of its own for one of the others to be lost.

        Args:
            on_loss: Function called once, in that thread, with a sentence.
        """
        for peer in self._peers.values():
            _keep_alive(peer)
        self._thread = threading.Thread(
            target=self._watch, args=(on_loss,), daemon=True
        )
        self._thread.start()

    def leave(self) -> None:
        """Waits until the others are done, too, or one of them is lost."""
        self._tell({"done": self.process_id})
        self._close()

    def fail(self, error: str) -> None:
        """Tells the others that this process ends early, a loss for them.

        Args:
            error: Why.
        """
        self._failed.set()
        self._tell(self._loss(self.process_id, f"failed: {error}"))
        self._close()

    def wait_for_loss(self, seconds: float) -> bool:
        """Waits until one of the others is known to be lost.

        Args:
            seconds: How long at most.

        Returns:
            Whether one is.
        """
        return self._lost.wait(seconds)

    def _watch(self, on_loss):
        open_peers = dict(self._peers)
        while open_peers and not self._failed.is_set():
            ready, _, _ = select.select(open_peers.values(), [], [], _PAUSE)
            for number, peer in list(open_peers.items()):
                if peer not in ready:
                    continue
                word = _receive(peer)
                if "done" in word:
                    del open_peers[number]
                elif not self._failed.is_set():
                    word = word or self._loss(number, "has gone")
                    self._lost.set()
                    self._tell(word)
                    on_loss(str(word.get("lost")))
                    self._close()
                    return

    def _close(self):
        if self._thread not in (None, threading.current_thread()):
            self._thread.join()
        for peer in self._peers.values():
            peer.close()

    def _loss(self, number, what):
        return {"lost": f"process {number} ({self.hosts[number]}) {what}"}

    def _tell(self, word):
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                _send(peer, word)


def meet(
    hosts: Sequence[str], process_id: int, wait_seconds: float
) -> Membership:
    """Waits until all processes of a training are there.

    Args:
        hosts: Addresses of all processes, the same for each.
        process_id: Which of them this is.
        wait_seconds: How long to wait for the others.

    Returns:
        The connections. The port of the first address is free again.

    Raises:
        ValueError: If there is no such process, the port is taken, or the
            first process knows other addresses or has this one already.
        TimeoutError: If others do not come up in time; it names them.
    """
    if not 0 <= process_id < len(hosts):
        raise ValueError(
            f"`process_id` must be from 0 to {len(hosts) - 1}, one for each "
            f"of `hosts`. Received: process_id={process_id}"
        )
    deadline = time.monotonic() + wait_seconds
    if process_id == 0:
        peers = _gather(hosts, deadline, wait_seconds)
    else:
        peers = {0: _report(hosts, process_id, deadline, wait_seconds)}
    return Membership(hosts, process_id, peers)


def _gather(hosts, deadline, wait_seconds):
    """The connections of the first process to all others."""
    port = int(hosts[0].rpartition(":")[2])
    try:
        listener = socket.create_server(("", port))
    except OSError as error:
        raise ValueError(
            "`hosts` must begin with a port of this machine that is free. "
            f"Received: {hosts[0]}, {error.strerror}"
        ) from error
    peers = {}
    with listener, _closed_on_error(peers):
        while len(peers) < len(hosts) - 1:
            listener.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                peer, _ = listener.accept()
            except TimeoutError as error:
                absent = [i for i in range(1, len(hosts)) if i not in peers]
                raise _absence(hosts, absent, wait_seconds) from error
            number = _admitted(peer, hosts, peers)
            if number is not None:
                peers[number] = peer
        for peer in peers.values():
            _send(peer, {"go": True})
    return peers


@contextlib.contextmanager
def _closed_on_error(peers):
    try:
        yield
    except BaseException:
        for peer in peers.values():
            peer.close()
        raise


def _admitted(peer, hosts, peers):
    """The number of who has connected, or `None` where that is refused."""
    peer.settimeout(_PATIENCE)
    word = _receive(peer)
    number = word.get("process")
    if word.get("hosts") != list(hosts):
        refusal = f"process 0 was started with the hosts {','.join(hosts)}"
    elif number not in range(1, len(hosts)) or number in peers:
        refusal = f"process 0 has a process {number} already"
    else:
        return number
    with contextlib.suppress(OSError):
        _send(peer, {"refused": refusal})
    peer.close()
    return None


def _report(hosts, process_id, deadline, wait_seconds):
    """The connection to the first process, once all are there."""
    name, _, port = hosts[0].rpartition(":")
    while True:
        try:
            peer = socket.create_connection((name, int(port)), _PATIENCE)
            break
        except OSError as error:
            if time.monotonic() + _PAUSE > deadline:
                raise _absence(hosts, [0], wait_seconds, error) from error
        time.sleep(_PAUSE)
    _send(peer, {"process": process_id, "hosts": list(hosts)})
    # The first process tells after the same time who is absent.
    peer.settimeout(max(deadline - time.monotonic(), 0) + _PATIENCE)
    word = _receive(peer)
    if word.get("go"):
        return peer
    peer.close()
    if "refused" in word:
        raise ValueError(
            "All processes must be started with the same `hosts` and each "
            f"with its own `process_id`. Received: process_id={process_id}, "
            f"hosts={','.join(hosts)!r}, but {word['refused']}"
        )
    others = [i for i in range(1, len(hosts)) if i != process_id] or [0]
    raise _absence(hosts, others, wait_seconds, "or process 0 has gone")


def _absence(hosts, numbers, wait_seconds, cause=""):
    names = ", ".join(f"process {i} ({hosts[i]})" for i in numbers)
    remark = f" ({cause})" if cause else ""
    return TimeoutError(
        f"Waited {wait_seconds:g} seconds for {names}{remark}. Start the "
        "training on every host, with the same hosts and each with its own "
        "process id; the port of the first host must be open to all."
    )


def _send(peer, word):
    peer.sendall(json.dumps(word).encode() + b"\n")


def _receive(peer):
    """The next line as a dictionary, empty where the other end has gone."""
    line = bytearray()
    with contextlib.suppress(OSError):
        while len(line) < _LONGEST:
            byte = peer.recv(1)
            if byte in (b"", b"\n"):
                break
            line += byte
    try:
        word = json.loads(line)
    except ValueError:
        return {}
    return word if isinstance(word, dict) else {}


def _keep_alive(peer):
    peer.settimeout(_PATIENCE)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        # Not every system has all of them.
        if hasattr(socket, name):
            option = getattr(socket, name)
            peer.setsockopt(socket.IPPROTO_TCP, option, value)
