"""Replaces three replicas one after the other, as a Deployment does, under streams that
come by client-side balancing and through a proxy. Every stream must hear what an
undisturbed one hears, each result once.

    rollout.py SERVER CLIENT HAPROXY MANIFEST STREAMS
"""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import wave

import manifests
import settings
from processes import PATIENCE, Program, Replica

server, client, haproxy, manifest = map(pathlib.Path, sys.argv[1:5])
STREAMS = int(sys.argv[5])
SAMPLE = manifests.ROOT / "samples" / "demo.wav"
# Long enough for three drains.
REPEATS = 4
# The lines that must be the same, to the letter.
COMPARED = ("result", "summary")
# Time limits are those of components/gateway: a pause isn't an end.
PROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 11m
  timeout server 11m
  retries 0
frontend grpc
  bind fd@{socket} ssl crt {pem} alpn h2
  default_backend replicas
backend replicas
  balance leastconn
{servers}
"""


def speech(folder):
    """The sample, again and again."""
    path = folder / "speech.wav"
    with wave.open(str(SAMPLE)) as sample, wave.open(str(path), "wb") as speech:
        speech.setparams(sample.getparams())
        speech.writeframes(sample.readframes(sample.getnframes()) * REPEATS)
    return path


def reserve(ending):
    """An address that is bound and not listened on, so that nobody else is given it."""
    reserved = ending.enter_context(socket.socket())
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return f"127.0.0.1:{reserved.getsockname()[1]}"


def proxy(folder, ca, addresses, listening):
    """HAProxy on the socket `listening`, in front of the addresses: each stream to the
    one with the fewest."""
    pem = folder / "proxy.pem"
    pem.write_text((ca.parent / "tls.crt").read_text() + (ca.parent / "tls.key").read_text())
    tls = f"ssl verify required ca-file {ca} verifyhost ser-server alpn h2"
    servers = "\n".join(
        f"  server s{index} {address} {tls} check inter 500ms fall 1 rise 1"
        for index, address in enumerate(addresses)
    )
    file = folder / "haproxy.cfg"
    file.write_text(PROXY.format(socket=listening.fileno(), pem=pem, servers=servers))
    return Program([haproxy, "-db", "-f", file], pass_fds=[listening.fileno()])


class Listener:
    """A client, and what it hears."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        self.heard, self.notes = self.process.communicate()

    def lines(self, *kinds):
        """Its lines of these types."""
        lines = self.heard.splitlines()
        return [line for line in lines if json.loads(line)["type"] in kinds]

    def end(self):
        """Waits until it has heard all."""
        self.thread.join(PATIENCE)
        assert self.process.returncode == 0, (self.process.returncode, self.notes)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()


def compare(expected, listeners):
    """Lost, repeated and different lines, of all."""
    wrong = collections.Counter()
    for listener in listeners:
        heard = collections.Counter(key(line) for line in listener.lines(*COMPARED))
        wrong["lost"] += len({key(line) for line in expected} - heard.keys())
        wrong["repeated"] += sum(times - 1 for times in heard.values())
        wrong["different"] += len(set(listener.lines(*COMPARED)) - set(expected))
    return wrong


def key(line):
    """What tells a line from the others of its stream."""
    said = json.loads(line)
    return said["type"], said.get("channel"), said.get("sequence")


def replace(replicas, addresses, start):
    """One after the other: a new one, and when it is ready an old one goes. Returns the
    new ones."""
    new = []
    for index, old in enumerate(list(replicas)):
        new.append(start(f"new-{index}", addresses[len(replicas) + index]))
        started = time.monotonic()
        old.stop()
        print(f"{old.name} has gone after {time.monotonic() - started:.1f} s")
    return new


pod = settings.Pod(manifests.resources(manifest.read_text()), tempfile.mkdtemp())
folder = pathlib.Path(pod.folder)
with contextlib.ExitStack() as ending:
    ending.callback(shutil.rmtree, folder)
    pod.files(server)
    ca = pathlib.Path(f"{folder}/etc/ser-server/tls/tls.crt")
    addresses = [reserve(ending) for _ in range(6)]
    # All streams come at once here, to replicas that know of none yet; and how busy this
    # machine is with other work is none of their business.
    variables = {"SER__OVERLOAD__BURST": "100000", "SER__OVERLOAD__LAG": "100s"}

    def start(name, address):
        replica = ending.enter_context(Replica(server, pod, name, variables, address))
        replica.ready()
        return replica

    old = [start(f"old-{index}", addresses[index]) for index in range(3)]
    listening = ending.enter_context(socket.create_server(("127.0.0.1", 0)))
    ending.enter_context(proxy(folder, ca, addresses, listening))

    audio = speech(folder)
    environment = os.environ | {"SER_TOKEN": pod.token}
    command = [client, "stream", "--json", "--ca", ca]
    through = ["--server", f"https://127.0.0.1:{listening.getsockname()[1]}"]
    direct = ["--server", ",".join(f"https://{address}" for address in addresses)]
    listen = lambda *flags: ending.enter_context(Listener([*command, *flags, audio], environment))

    expected = listen(*direct, "--fast").end().lines(*COMPARED)
    listeners = [listen(*(through if index % 2 else direct)) for index in range(STREAMS)]
    new = replace(old, addresses, start)
    streams = [replica.open_streams() for replica in new]
    for listener in listeners:
        listener.end()
    for replica in new:
        replica.stop()

wrong = compare(expected, listeners)
moved = sum(len(listener.lines("resumed")) for listener in listeners)
print(
    f"rollout: {STREAMS} streams of {len(expected)} lines moved {moved} times;"
    f" lost {wrong['lost']}, repeated {wrong['repeated']}, different {wrong['different']};"
    f" then {streams} on the new replicas"
)
assert moved >= STREAMS and not any(wrong.values()) and all(streams), wrong
