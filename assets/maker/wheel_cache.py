"""Downloads wheels into a scratch folder, verified, and measures them, since an index does not report sizes."""

from __future__ import annotations

import base64
import hashlib
import netrc
import os
import shutil
import urllib.request
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from locked_files import WheelFile

PARALLEL_DOWNLOADS = 6
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class WheelSize:
    """Sizes in bytes: of the file, and of its members when unpacked."""

    file_bytes: int
    unpacked_bytes: int


def measure_wheels(wheels: Iterable[WheelFile], cache: Path) -> dict[str, WheelSize]:
    """
    Sizes by sha256. Cached files are hashed again and never trusted by name.

    Raises ValueError naming the file and both digests when the content differs from the lock, and URLError.
    """
    unique = {wheel.sha256: wheel for wheel in wheels}
    with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        sizes = pool.map(lambda wheel: _measure(_fetch(wheel, cache)), unique.values())
        return dict(zip(unique, sizes, strict=True))


def cached_path(wheel: WheelFile, cache: Path) -> Path:
    """The path of a wheel in the cache: a folder named by digest, the file under its own name as installers require."""
    return cache / wheel.sha256 / wheel.file


def _fetch(wheel: WheelFile, cache: Path) -> Path:
    path = cached_path(wheel, cache)
    if path.exists() and _sha256(path) == wheel.sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with urllib.request.urlopen(_request(wheel.url), timeout=TIMEOUT_SECONDS) as response, partial.open("wb") as output:
            shutil.copyfileobj(response, output, 1 << 20)
        found = _sha256(partial)
        if found != wheel.sha256:
            raise ValueError(f"{wheel.file}: the lock says sha256 {wheel.sha256}, the index gave {found}")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _request(url: str) -> urllib.request.Request:
    """With the login for this host from the index URL or ~/.netrc, if any."""
    request = urllib.request.Request(url)
    login = _index_login(request.host) or _netrc_login(request.host)
    if login:
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    return request


def _index_login(host: str) -> str | None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        index = urlsplit(os.environ.get(name, ""))
        if index.username and index.netloc.rpartition("@")[2] == host:
            return f"{unquote(index.username)}:{unquote(index.password or '')}"
    return None


def _netrc_login(host: str) -> str | None:
    try:
        found = netrc.netrc().authenticators(host.partition(":")[0])
    except (OSError, netrc.NetrcParseError):
        return None
    return f"{found[0]}:{found[2]}" if found else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _measure(path: Path) -> WheelSize:
    with zipfile.ZipFile(path) as archive:
        return WheelSize(path.stat().st_size, sum(member.file_size for member in archive.infolist()))
