"""Where WordPress and WooCommerce for the tests come from. Neither is in this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "wordpress-plugin"
CACHE = ROOT / ".smartstore" / "real-store"
PACKAGE = "wp-studio@1.22.0"
"""An npm package (GPL-2.0-or-later) that holds WordPress 7.1.1, its SQLite plugin and WP-CLI."""
FILES = "package/dist/cli/wp-files/"
APT = (
    "php-cli php-mysql php-sqlite3 php-curl php-xml php-mbstring php-intl php-zip php-gd "
    "mariadb-server"
)
EXTENSIONS = ("curl", "dom", "mbstring", "intl", "gd", "mysqli", "pdo_sqlite")


class Missing(Exception):
    """Something is not here; the message says how to get it."""


@dataclass(frozen=True)
class Sources:
    """Folders to copy from."""

    wordpress: Path
    sqlite: Path | None
    """The plugin sqlite-database-integration."""
    wp_cli: Path | None
    woocommerce: Path


def find() -> Sources:
    """All that a shop is made of. Raises Missing."""
    _check_programs()
    woocommerce = Path(os.environ.get("WP_STORE_WOOCOMMERCE") or CACHE / "woocommerce")
    if not (woocommerce / "woocommerce.php").is_file():
        raise Missing(
            "no WooCommerce: unpack its plugin (the zip of the WordPress plugin directory, or any "
            "built copy; tried: 10.5.2) and set WP_STORE_WOOCOMMERCE to the folder that holds "
            "woocommerce.php"
        )
    if not (woocommerce / "vendor" / "autoload_packages.php").is_file():
        raise Missing(f"{woocommerce} is a source tree without vendor/: a built copy is needed")
    core = os.environ.get("WP_STORE_CORE")
    if core:
        if not (Path(core) / "wp-includes" / "version.php").is_file():
            raise Missing("WP_STORE_CORE is not a folder with wp-includes/version.php")
        return Sources(Path(core), None, None, woocommerce)
    files = _packed() / FILES
    return Sources(
        files / "latest" / "wordpress",
        files / "sqlite-database-integration",
        files / "wp-cli" / "wp-cli.phar",
        woocommerce,
    )


def _check_programs() -> None:
    if not shutil.which("php"):
        raise Missing(f"no php: apt-get install {APT}")
    listed = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout
    held = set(listed.lower().split())
    lacking = [name for name in EXTENSIONS if name not in held]
    if lacking:
        raise Missing(f"php lacks {', '.join(lacking)}: apt-get install {APT}")


def mariadb() -> str | None:
    """The server's program, or None: the tests then use SQLite."""
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")


def _packed() -> Path:
    """The npm package, fetched once and unpacked. Raises Missing."""
    folder = CACHE / "core"
    if (folder / FILES / "latest" / "wordpress" / "wp-includes" / "version.php").is_file():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    archive = CACHE / "wp-studio-1.22.0.tgz"
    if not archive.is_file():
        if not shutil.which("npm"):
            raise Missing("no WordPress: install npm (it fetches it), or set WP_STORE_CORE")
        done = subprocess.run(
            ["npm", "pack", PACKAGE, "--silent"], cwd=CACHE, capture_output=True, text=True
        )
        if done.returncode or not archive.is_file():
            raise Missing(f"npm pack {PACKAGE} failed: {done.stderr[-300:]}; or set WP_STORE_CORE")
    with tarfile.open(archive) as packed:
        inside = [one for one in packed.getmembers() if one.name.startswith(FILES)]
        packed.extractall(folder, inside, filter="data")
    return folder
