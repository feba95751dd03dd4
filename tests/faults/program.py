"""Runs orthotile under limits and judges how it ended."""

import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

# A command on a small input may take so long, and so much memory. Address space is larger than memory: ONNX Runtime reserves it.
LIMIT_S = 60
LIMIT_MB = 1024
ADDRESS_MB = 6144
# Files may grow to this size, so that a wrong number cannot fill the disk.
FILE_MB = 512


@dataclass
class Ended:
    command: list
    code: int
    seconds: float
    peak_mb: float
    out: str
    err: str
    timed_out: bool = False
    faults: list = field(default_factory=list)

    @property
    def text(self):
        return self.out + self.err


class Program:
    """The binary under test, in a folder of its own."""

    def __init__(self, path, limit_s=LIMIT_S):
        self.path = Path(path).resolve()
        self.limit_s = limit_s
        # Exports carry a date: with this one, two are the same bytes.
        self.environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "RUST_BACKTRACE": "0", "RUST_LOG": "warn"}

    def start(self, arguments, folder, out="out", **options):
        """Starts a command. Its output goes to `out` and `out.err` in the folder."""
        folder = Path(folder)
        with open(folder / out, "wb") as stdout, open(folder / f"{out}.err", "wb") as stderr:
            return subprocess.Popen(
                [str(self.path), *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env=self.environment, preexec_fn=_limits, **options)

    def run(self, arguments, folder, out="out", until=None):
        """Runs a command to its end, its limit, or until its output holds a text; then judges it."""
        since = time.monotonic()
        child = self.start(arguments, folder, out)
        timed_out = False
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            elapsed = time.monotonic() - since
            if until is not None and until in (Path(folder) / out).read_text(errors="replace"):
                os.kill(child.pid, signal.SIGTERM)
                until = None
            elif elapsed > self.limit_s:
                timed_out = True
                os.kill(child.pid, signal.SIGKILL)
            time.sleep(0.002 if elapsed < 1 else 0.02)
        child.returncode = os.waitstatus_to_exitcode(status)
        read = lambda name: (Path(folder) / name).read_text(errors="replace")  # noqa: E731
        ended = Ended(list(map(str, arguments)), child.returncode, time.monotonic() - since, usage.ru_maxrss / 1024,
                      read(out), read(f"{out}.err"), timed_out)
        ended.faults = faults(ended)
        return ended

    def must(self, arguments, folder):
        """Runs a command that has to succeed."""
        ended = self.run(arguments, folder)
        if ended.code != 0:
            raise RuntimeError(f"orthotile {' '.join(ended.command)}: exit code {ended.code}: {ended.err[-2000:]}")
        return ended

    def kill_after(self, seconds, arguments, folder):
        """Kills a command after a while. Returns its exit code: -9 where the kill came before its end."""
        child = self.start(arguments, folder)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return child.returncode


def _limits():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_MB << 20, ADDRESS_MB << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MB << 20, FILE_MB << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Writing beyond the limit is then an error, and no signal.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def faults(ended):
    """What may never happen, whatever the input is."""
    found = []
    if ended.timed_out:
        found.append("hang")
    elif ended.code < 0 and ended.code != -signal.SIGTERM:
        found.append(f"signal {-ended.code}")
    if ended.code == 101 or "panicked at" in ended.err:
        found.append("panic")
    if "memory allocation of" in ended.err and "failed" in ended.err:
        found.append("memory")
    if ended.peak_mb > LIMIT_MB:
        found.append(f"{ended.peak_mb:.0f} MB")
    return found
