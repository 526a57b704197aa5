"""Replaces three replicas, each on a host of its own, one after the other by those of a new
image, as a Deployment does, under streams that come by client-side balancing and through
a proxy. Every stream must hear what an undisturbed one hears, each result once, and all
even out over the new replicas.

    rollout.py OLD NEW CLIENT HAPROXY MANIFEST STREAMS

OLD and NEW are servers of the same numerics.
"""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import wave

import hosts
import manifests
import settings
from processes import PATIENCE, Program, Replica

hosts.enter()
old_image, new_image, client, haproxy, manifest = map(pathlib.Path, sys.argv[1:6])
STREAMS = int(sys.argv[6])
SAMPLE = manifests.ROOT / "samples" / "demo.wav"
# Long enough for three drains, and for evening out.
REPEATS = 10
# The lines that must be the same, to the letter.
COMPARED = ("result", "summary")
# Streams choose anew at this age, a tenth more or less: in a cluster it is half an hour.
STREAM_AGE = 45
# Streams are even when no replica has more than this times its share.
EVEN = 1.3
PORT = 50051
# Time limits are those of components/gateway: a pause isn't an end.
PROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 11m
  timeout server 11m
  retries 0
frontend grpc
  bind {address}:{port} ssl crt {pem} alpn h2
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


def proxy(folder, ca, host, replicas):
    """HAProxy on `host`, in front of the hosts of replicas: each stream to the one with
    the fewest."""
    pem = folder / "proxy.pem"
    pem.write_text((ca.parent / "tls.crt").read_text() + (ca.parent / "tls.key").read_text())
    tls = f"ssl verify required ca-file {ca} verifyhost ser-server alpn h2"
    servers = "\n".join(
        f"  server s{index} {replica.address}:{PORT} {tls} check inter 500ms fall 1 rise 1"
        for index, replica in enumerate(replicas)
    )
    file = folder / "haproxy.cfg"
    file.write_text(PROXY.format(address=host.address, port=PORT, pem=pem, servers=servers))
    return Program([*host.command, haproxy, "-db", "-f", file])


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
        self.thread.join(PATIENCE + REPEATS * 16)
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


def replace(replicas, hosts, network, start):
    """One after the other: a new one, and when it is ready an old one goes. Returns the
    new ones."""
    new = []
    for index, (old, host) in enumerate(zip(replicas, hosts)):
        new.append(start(new_image, f"new-{index}", host))
        network.remove(old.host)
        started = time.monotonic()
        old.stop()
        print(f"{old.name} has gone after {time.monotonic() - started:.1f} s")
    return new


def even_out(replicas):
    """Waits until the replicas have even shares of the streams, for as long as these
    speak. Tells after how many seconds."""
    started = time.monotonic()
    shares_of = lambda: [replica.open_streams() for replica in replicas]
    first = shares_of()
    while True:
        shares = shares_of()
        assert sum(shares) > STREAMS / 2, f"streams ended before they were even: {shares}"
        if max(shares) <= EVEN * sum(shares) / len(shares):
            return f"from {first} to {shares} in {time.monotonic() - started:.1f} s"
        time.sleep(0.5)


pod = settings.Pod(manifests.resources(manifest.read_text()), tempfile.mkdtemp())
folder = pathlib.Path(pod.folder)
with contextlib.ExitStack() as ending:
    ending.callback(shutil.rmtree, folder)
    pod.files(old_image)
    ca = pathlib.Path(f"{folder}/etc/ser-server/tls/tls.crt")
    network = ending.enter_context(hosts.Network("ser-server"))
    old_hosts, new_hosts = ([network.host() for _ in range(3)] for _ in range(2))
    proxy_host = network.host()
    # All streams come at once here, to replicas that know of none yet; and how busy this
    # machine is with other work is none of their business.
    variables = {"SER__OVERLOAD__BURST": "100000", "SER__OVERLOAD__LAG": "100s"}
    variables["SER__LIMITS__STREAM_AGE"] = f"{STREAM_AGE}s"

    def start(image, name, host):
        replica = ending.enter_context(Replica(image, pod, name, variables, host))
        replica.ready()
        network.add(host)
        return replica

    old = [start(old_image, f"old-{index}", host) for index, host in enumerate(old_hosts)]
    ending.enter_context(proxy(folder, ca, proxy_host, old_hosts + new_hosts))

    audio = speech(folder)
    environment = os.environ | {"SER_TOKEN": pod.token}
    command = [client, "stream", "--json", "--ca", ca]
    direct = ["--server", f"https://{network.name}:{PORT}"]
    through = ["--server", f"https://{proxy_host.address}:{PORT}", "--server-name", network.name]
    listen = lambda *flags: ending.enter_context(Listener([*command, *flags, audio], environment))

    expected = listen(*direct, "--fast").end().lines(*COMPARED)
    listeners = [listen(*(through if index % 2 else direct)) for index in range(STREAMS)]
    new = replace(old, new_hosts, network, start)
    evened = even_out(new)
    for listener in listeners:
        listener.end()
    for replica in new:
        replica.stop()

wrong = compare(expected, listeners)
moved = sum(len(listener.lines("resumed")) for listener in listeners)
print(
    f"rollout: {STREAMS} streams of {len(expected)} lines moved {moved} times;"
    f" lost {wrong['lost']}, repeated {wrong['repeated']}, different {wrong['different']};"
    f" streams of the new replicas {evened}"
)
assert moved >= STREAMS and not any(wrong.values()), wrong
