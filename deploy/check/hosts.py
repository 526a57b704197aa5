"""Hosts on one machine: network namespaces on a bridge, each with an address of its own,
as pods have it, and a name that leads to those that are ready, as a headless Service has
it. None of it can be seen from outside."""

import os
import pathlib
import subprocess
import sys
import tempfile

INSIDE = "SER_CHECK_INSIDE"
# Bytes of all names.
LONGEST = 1000


def enter():
    """Starts this program anew where it may make hosts. Needs no rights, but a kernel that
    lets everybody have namespaces."""
    if INSIDE not in os.environ:
        namespaces = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
        tried = subprocess.run([*namespaces, "true"], stderr=subprocess.PIPE, text=True)
        if tried.returncode:
            sys.exit(
                f"network namespaces: {tried.stderr.strip()}; expected a machine where users may "
                "have them. Where AppArmor forbids it: "
                "sysctl kernel.apparmor_restrict_unprivileged_userns=0. In a container: "
                "--security-opt seccomp=unconfined --cap-add SYS_ADMIN"
            )
        os.execvpe(
            namespaces[0], [*namespaces, sys.executable, *sys.argv], os.environ | {INSIDE: "1"}
        )


def ip(*command, inside=()):
    subprocess.run([*inside, "ip", *command], check=True)


class Network:
    """A bridge that this program, too, has an address on."""

    def __init__(self, name):
        self.name = name
        self.hosts = []
        ip("link", "set", "lo", "up")
        ip("link", "add", "bridge", "type", "bridge")
        ip("address", "add", "10.0.0.1/24", "dev", "bridge")
        ip("link", "set", "bridge", "up")
        names = tempfile.NamedTemporaryFile(delete=False)
        self.names = pathlib.Path(names.name)
        self.lead_to([])
        subprocess.run(["mount", "--bind", names.name, "/etc/hosts"], check=True)

    def host(self):
        """Another host."""
        host = Host(len(self.hosts) + 2)
        self.hosts.append(host)
        return host

    def add(self, host):
        """The name leads to it, too."""
        self.lead_to([*self.ready, host])

    def remove(self, host):
        """The name no longer leads to it."""
        self.lead_to([other for other in self.ready if other is not host])

    def lead_to(self, hosts):
        self.ready = hosts
        names = "".join(f"{host.address} {self.name}\n" for host in hosts)
        # In place and at once: whoever reads meanwhile finds neither nothing nor half a line.
        with self.names.open("r+b", buffering=0) as file:
            file.write(names.ljust(LONGEST, "\n").encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            host.process.kill()
            host.process.wait()
        self.names.unlink()


class Host:
    """`command` in front of another runs that on the host."""

    def __init__(self, number):
        self.address = f"10.0.0.{number}"
        holder = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        self.process = subprocess.Popen(holder, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        pid = str(self.process.pid)
        self.command = ["nsenter", "--net", "--target", pid]
        link = f"host{number}"
        peer = ["peer", "name", "eth0", "netns", pid]
        ip("link", "add", link, "master", "bridge", "type", "veth", *peer)
        ip("link", "set", link, "up")
        ip("address", "add", f"{self.address}/24", "dev", "eth0", inside=self.command)
        ip("link", "set", "eth0", "up", inside=self.command)
        ip("link", "set", "lo", "up", inside=self.command)
