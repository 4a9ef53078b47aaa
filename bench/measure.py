"""What the scripts here share: alternating rounds, medians with their spread, verdicts.

A difference that is smaller than the spread of the rounds is called not distinguishable:
the scripts never round such a thing up into a success.
"""

import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5


@dataclass
class Run:
    """One run of a program: wall time, and CPU of it and the children it waited for."""

    wall_ms: float
    cpu_ms: float
    status: int


def run(command, environment=None):
    """Runs a command to its end with as little of our own between the clocks as possible."""
    environment = os.environ if environment is None else environment
    quiet = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    quiet += [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    command = [str(word) for word in command]
    begun = time.perf_counter()
    child = os.posix_spawn(command[0], command, environment, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begun
    return Run(wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, os.waitstatus_to_exitcode(status))


@dataclass
class Figure:
    """A figure of each round."""

    rounds: list

    @property
    def median(self):
        return statistics.median(self.rounds)

    @property
    def spread(self):
        return max(self.rounds) - min(self.rounds)

    def __str__(self):
        return f"{self.median:.2f} ({min(self.rounds):.2f}..{max(self.rounds):.2f})"


def alternate(contenders, rounds=ROUNDS, runs=20, accepted=(0,)):
    """Runs each command `runs` times a round, one after the other, so that all see the same machine.

    Ends when a run ends with another exit code than those `accepted`. Returns by name the median wall time and the mean CPU time of each round.
    """
    for name, command in contenders.items():
        warm = run(command)
        if warm.status not in accepted:
            sys.exit(f"{name} failed with exit code {warm.status}: {shlex.join(map(str, command))}")
    wall = {name: Figure([]) for name in contenders}
    cpu = {name: Figure([]) for name in contenders}
    for _ in range(rounds):
        taken = {name: [] for name in contenders}
        for _ in range(runs):
            for name, command in contenders.items():
                taken[name].append(run(command))
        for name, runs_of_it in taken.items():
            if any(one.status not in accepted for one in runs_of_it):
                sys.exit(f"{name} failed during a round")
            wall[name].rounds.append(statistics.median(one.wall_ms for one in runs_of_it))
            cpu[name].rounds.append(statistics.fmean(one.cpu_ms for one in runs_of_it))
    return wall, cpu


def ratio(ours, theirs):
    """Ours in theirs, round by round."""
    return Figure([a / b for a, b in zip(ours.rounds, theirs.rounds)])


def verdict(figure, bar, unit=""):
    """Whether the figure is at most the bar, in words."""
    beyond = figure.median - bar
    if abs(beyond) < figure.spread:
        return f"not distinguishable from the bar {bar}{unit} (spread {figure.spread:.2f}{unit})"
    if beyond <= 0:
        return f"met (bar {bar}{unit})"
    return f"missed by {beyond:.2f}{unit} (bar {bar}{unit})"


def head(title, versions):
    """Date, machine, versions and command: what a reader needs to repeat the run."""
    print(f"# {title}\n")
    print(f"- date: {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC")
    print(f"- machine: {machine()}")
    print(f"- load when it began: {os.getloadavg()[0]:.2f}")
    for name, version in versions.items():
        print(f"- {name}: {version}")
    words = [os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]]
    print(f"- command: `{shlex.join(words)}`\n", flush=True)


def machine():
    model = platform.processor() or platform.machine()
    memory = ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f", {kilobytes / 2**20:.0f} GiB"
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores{memory}, {platform.system()} {platform.release()}"


def version(command):
    """The first line that a program says of its version."""
    said = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    lines = (said.stdout or said.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def program(path):
    """What is measured: its version, when it was built, and the commit that lies beside it now."""
    built = datetime.fromtimestamp(Path(path).stat().st_mtime, timezone.utc)
    return f"{version([path, '--version'])}, built {built:%Y-%m-%d %H:%M} UTC; checkout at {revision()}"


def revision():
    """The commit that is measured, and whether files differ from it."""
    said = version(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=10"])
    return said if "fatal" not in said else "no git"


def table(rows, header):
    """A table that reads well as text and as Markdown."""
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for number, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(flush=True)
