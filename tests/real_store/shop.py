"""A real WordPress with WooCommerce and our plugin, on 127.0.0.1, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from connectors.woocommerce.rest import Rest
from connectors.woocommerce.settings import Shop as Access
from runtime.servers.ports import answers, free_port
from tests.real_store.sources import PLUGIN, Sources, mariadb

PHP = Path(__file__).parent / "php"
WORKERS = 8
START_S = 60.0
LIMITS = ("-d", "memory_limit=512M", "-d", "max_execution_time=300")


class RealShop:
    """Starts on entering, ends on leaving. `database`: mariadb or sqlite."""

    def __init__(self, sources: Sources, folder: Path, database: str) -> None:
        self.sources = sources
        self.database = database
        self.folder = folder
        self.wordpress = folder / "wordpress"
        self.logs = folder / "run"
        self.port = free_port(set())
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys: dict[str, Any] = {}
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> RealShop:
        try:
            self._place_files()
            socket = self._start_mariadb() if self.database == "mariadb" else ""
            self.script(
                "config.php", str(self.wordpress), str(self.port), socket, "wordpress", boot=False
            )
            for step in ("core", "woocommerce", "settings", "plugin"):
                self.script("install.php", str(self.wordpress), step)
            told = self.script("install.php", str(self.wordpress), "keys")
            self.keys = json.loads(told[told.index("{") :])
            self.start_web()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()

    def _place_files(self) -> None:
        self.logs.mkdir(parents=True)
        shutil.copytree(self.sources.wordpress, self.wordpress)
        plugins = self.wordpress / "wp-content" / "plugins"
        helpers = self.wordpress / "wp-content" / "mu-plugins"
        for made in (plugins, helpers, self.wordpress / "wp-content" / "uploads"):
            made.mkdir(exist_ok=True)
        shutil.copytree(self.sources.woocommerce, plugins / "woocommerce")
        if self.sources.sqlite is not None:
            shutil.copytree(self.sources.sqlite, plugins / "sqlite-database-integration")
        shutil.copytree(PLUGIN, plugins / "wordpress-plugin")
        shutil.copy(PHP / "lab.php", helpers / "lab.php")

    def _start_mariadb(self) -> str:
        program = mariadb()
        assert program is not None
        data = self.folder / "db"
        socket = Path(f"/tmp/ss-{os.getpid()}-{self.port}.sock")  # noqa: S108 - paths are at most 107 long
        common = ["--no-defaults", f"--datadir={data}", f"--user={_user()}"]
        subprocess.run(
            ["mariadb-install-db", *common, "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._spawn(
            [program, *common, f"--socket={socket}", "--skip-networking", "--skip-log-bin",
             "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"],
            "mariadb.log",
        )  # fmt: skip
        make = (
            'mysqli_report(0);$c=@mysqli_connect("localhost","root","","",0,$argv[1]);'
            'exit($c&&mysqli_query($c,"CREATE DATABASE IF NOT EXISTS wordpress")?0:1);'
        )
        self._until(lambda: not subprocess.run(["php", "-r", make, str(socket)]).returncode)
        return str(socket)

    def start_web(self) -> None:
        """PHP's own server, several workers."""
        self._spawn(
            ["php", *LIMITS, "-d", "opcache.enable_cli=1", "-d", "display_errors=0", "-d",
             f"error_log={self.logs / 'php.log'}", "-S", f"127.0.0.1:{self.port}", "-t",
             str(self.wordpress), str(PHP / "router.php")],
            "web.log",
            {"PHP_CLI_SERVER_WORKERS": str(WORKERS)},
        )  # fmt: skip
        self._until(lambda: answers(self.port))

    def _spawn(self, command: list[str], log: str, more: dict[str, str] | None = None) -> None:
        with (self.logs / log).open("ab") as written:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT,
                env={**os.environ, **(more or {})}, start_new_session=True,
            )  # fmt: skip
        self._running.append(process)

    def _until(self, ready: Any) -> None:
        end_s = time.monotonic() + START_S
        while not ready():
            if self._running[-1].poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"it did not start: see {self.logs}")
            time.sleep(0.1)

    def script(self, name: str, *arguments: str, given: str = "", boot: bool = True) -> str:
        """Runs one of our PHP scripts and gives back what it printed. Fails with its errors."""
        done = subprocess.run(
            ["php", *LIMITS, "-d", "display_errors=stderr", str(PHP / name), *arguments],
            input=given, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{name} {' '.join(arguments)}: {done.stdout[-500:]}{done.stderr}")
        return done.stdout

    def php(self, code: str) -> Any:
        """Runs PHP inside the shop, as its administrator; what it returns."""
        return json.loads(self.script("run.php", str(self.wordpress), given=code).splitlines()[-1])

    def run_due(self) -> int:
        """Runs the due jobs, as WordPress's cron does; how many."""
        return int(self.script("due.php", str(self.wordpress)).splitlines()[-1])

    def access(self, key: str = "write") -> Access:
        """What our connector needs to know. `key`: write, read or subscriber."""
        consumer_key, consumer_secret = self.keys[key]
        return Access(self.url, consumer_key, consumer_secret, "LKR")

    def rest(self, key: str = "write") -> Rest:
        """Our connector's own REST client, which signs by OAuth as the shop has no TLS."""
        return Rest(self.access(key))

    def complaints(self) -> list[str]:
        """PHP's warnings and errors so far that name our plugin."""
        found: list[str] = []
        for name in ("debug.log", "php.log"):
            log = self.logs / name
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            found += [line for line in lines if "wordpress-plugin" in line or "smartstore" in line]
        # A transaction that the database gave up for another is done again: no complaint.
        return [line for line in found if "Deadlock" not in line]


def _user() -> str:
    import getpass

    return getpass.getuser()
