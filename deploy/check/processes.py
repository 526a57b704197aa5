"""Programs that end with the check, and what they say meanwhile."""

import contextlib
import json
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time
import urllib.request

# For what takes a moment on a quiet machine, and may take long on a busy one.
PATIENCE = 120


class Program:
    """A program whose lines on standard error, or output, can be waited for."""

    def __init__(self, command, environment=None, stream="stderr", pass_fds=()):
        pipe = {stream: subprocess.PIPE}
        self.process = subprocess.Popen(
            command, env=environment, text=True, pass_fds=pass_fds, **pipe
        )
        self.lines = queue.Queue()
        source = getattr(self.process, stream)
        threading.Thread(target=self.read, args=[source], daemon=True).start()

    def read(self, source):
        for line in source:
            self.lines.put(line)
        self.lines.put(None)

    def until(self, wanted):
        """The first line from here on that `wanted` makes something of: that."""
        deadline = time.monotonic() + PATIENCE
        while (line := self.lines.get(timeout=deadline - time.monotonic())) is not None:
            if found := wanted(line):
                return found
        raise EOFError(f"{self.process.args[0]} ended without it")

    def stop(self):
        """Ends it as the kubelet does, and expects it to say that all went well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


class Replica(Program):
    """A server as a pod says, on a host of its own, or else on this one with free ports;
    and with more variables."""

    def __init__(self, server, pod, name, variables={}, host=None):
        self.name = name
        self.host = host
        self.address = host.address if host else "127.0.0.1"
        self.folder = pathlib.Path(pod.folder)
        sections = ("SERVER", "ADMIN", "HEALTH", "METRICS")
        free = {f"SER__{section}__LISTEN": "127.0.0.1:0" for section in sections}
        files = {
            "SER__SERVER__PORT_FILE": str(self.folder / f"{name}.port"),
            "SER__METRICS__PORT_FILE": str(self.folder / f"{name}.metrics-port"),
        }
        environment = pod.environment() | ({} if host else free) | files | variables
        on_host = host.command if host else []
        super().__init__([*on_host, server, *pod.flags()], environment)

    def ready(self):
        """Waits until it is, and learns its ports and the most memory that it may take."""
        said = lambda line: json.loads(line)["message"]
        memory = self.until(lambda line: re.match(r"memory: at most (\d+) MiB", said(line)))
        self.memory_mib = int(memory[1])
        self.until(lambda line: said(line) == "ready")
        self.port = int((self.folder / f"{self.name}.port").read_text())
        self.metrics_port = int((self.folder / f"{self.name}.metrics-port").read_text())

    def open_streams(self):
        """How many it has."""
        url = f"http://{self.address}:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        active = re.search(r"^ser_streams_active\{.*\} (\d+)$", text, re.MULTILINE)
        return int(active[1]) if active else 0
