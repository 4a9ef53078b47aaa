"""A disposable Postgres for a measurement, in a directory that goes with it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from measure import ROOT

INSTALLED = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"]


def find(program, preferred=None):
    """A program of Postgres itself: not a distribution's wrapper, which starts an interpreter first."""
    places = [Path(preferred)] if preferred else []
    for pattern in INSTALLED:
        places += sorted(Path("/").glob(pattern.lstrip("/")), key=lambda p: p.parent.name, reverse=True)
    places += sorted(ROOT.glob(".cache/postgres/*/bin"), key=lambda p: p.parent.name, reverse=True)
    for place in places:
        if (place / program).is_file():
            return place / program
    raise SystemExit(f"no {program} on this machine: install Postgres, or name its directory with --postgres-bin")


class Server:
    """`with Server() as server`: listens on the loopback, commits reach the disk."""

    def __init__(self, directory=None, settings=()):
        self.settings = settings
        self.programs = find("initdb", directory).parent
        self.psql = find("psql", directory)
        self.account = self.ordinary_user()

    def ordinary_user(self):
        """Postgres does not run as root: then an account that does nothing else."""
        if os.geteuid() != 0:
            return {}
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        raise SystemExit("Postgres does not run as root, and there is neither postgres nor nobody")

    def __enter__(self):
        self.place = Path(tempfile.mkdtemp(prefix="cofferdam-bench-"))
        self.place.chmod(0o755)
        data = self.place / "data"
        data.mkdir()
        if self.account:
            os.chown(data, self.account["user"], self.account["group"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.call("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--encoding", "UTF8", "--locale", "C")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
        options += "".join(f" -c {setting}" for setting in self.settings)
        self.call("pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
        return self

    def __exit__(self, *_):
        try:
            self.call("pg_ctl", "-D", self.place / "data", "-w", "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.place, ignore_errors=True)

    def call(self, program, *words):
        command = [str(self.programs / program), *map(str, words)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, cwd="/", check=False, **self.account)
        if done.returncode != 0:
            raise SystemExit(f"{program} failed: {done.stderr.strip()}")

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def sql(self, text, database="postgres"):
        """Runs statements and returns their rows as lines."""
        command = [self.psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{done.stderr.strip()}\nin: {text}")
        return done.stdout.strip()
