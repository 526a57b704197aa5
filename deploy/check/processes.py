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

# For what takes a moment on a quiet machine, and may take long on a busy one.
PATIENCE = 120


class Program:
    """A program whose lines on standard error, or output, can be waited for."""

    def __init__(self, command, environment=None, stream="stderr"):
        self.process = subprocess.Popen(
            command, env=environment, text=True, **{stream: subprocess.PIPE}
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
    """A server as a pod says, but on free ports, and with its telemetry sent to
    `collector`."""

    def __init__(self, server, pod, name, collector):
        self.name = name
        self.folder = pathlib.Path(pod.folder)
        free = {
            f"SER__{section}__LISTEN": "127.0.0.1:0"
            for section in ("SERVER", "ADMIN", "HEALTH", "METRICS")
        }
        files = {
            "SER__SERVER__PORT_FILE": str(self.folder / f"{name}.port"),
            "SER__METRICS__PORT_FILE": str(self.folder / f"{name}.metrics-port"),
        }
        telemetry = {"SER__TELEMETRY__ENDPOINT": collector, "SER__TELEMETRY__INTERVAL": "1s"}
        environment = pod.environment() | free | files | telemetry
        super().__init__([server, *pod.flags()], environment)

    def ready(self):
        """Waits until it is, and learns its ports and the most memory that it may take."""
        said = lambda line: json.loads(line)["message"]
        memory = self.until(lambda line: re.match(r"memory: at most (\d+) MiB", said(line)))
        self.memory_mib = int(memory[1])
        self.until(lambda line: said(line) == "ready")
        self.port = int((self.folder / f"{self.name}.port").read_text())
        self.metrics_port = int((self.folder / f"{self.name}.metrics-port").read_text())
