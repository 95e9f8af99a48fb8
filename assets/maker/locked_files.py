"""Parses the two locks that uv writes: requirements with hashes (authoritative) and pylock (where files are)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

_HASH = re.compile(r"\s--hash=sha256:([0-9a-f]{64})\b")


@dataclass(frozen=True)
class LockedRequirement:
    """One `name==version` of the lock with its marker and every accepted digest."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> NormalizedName:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        (specifier,) = self.requirement.specifier
        return Version(specifier.version)

    def applies_to(self, markers: Mapping[str, str]) -> bool:
        """Whether the marker matches this environment; always true without a marker."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(dict(markers))


@dataclass(frozen=True)
class WheelFile:
    """A wheel offered by an index. `url` stays in the scratch folder: the lock names files by digest only."""

    file: str
    sha256: str
    url: str


def parse_requirements_lock(text: str) -> list[LockedRequirement]:
    """
    Parses the output of `uv pip compile --generate-hashes --no-annotate`.

    Raises ValueError for a line that is not pinned with `==` or has no sha256.
    """
    locked = []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        hashes = frozenset(_HASH.findall(line))
        requirement = Requirement(_HASH.sub("", line).strip())
        operators = [specifier.operator for specifier in requirement.specifier]
        if operators != ["=="] or not hashes:
            raise ValueError(f"not a pinned and hashed requirement: {line[:120]}")
        locked.append(LockedRequirement(requirement, hashes))
    return locked


def parse_pylock(text: str) -> dict[tuple[NormalizedName, Version], list[WheelFile]]:
    """The wheels in a pylock.toml (PEP 751), by name and version; source distributions are skipped."""
    wheels: dict[tuple[NormalizedName, Version], list[WheelFile]] = {}
    for package in tomllib.loads(text).get("packages", []):
        key = (canonicalize_name(package["name"]), Version(package["version"]))
        files = wheels.setdefault(key, [])
        for wheel in package.get("wheels", []):
            name = wheel.get("name") or unquote(urlsplit(wheel["url"]).path.rsplit("/", 1)[-1])
            file = WheelFile(name, wheel["hashes"]["sha256"], wheel["url"])
            if file not in files:
                files.append(file)
    return wheels
