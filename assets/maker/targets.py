"""The machines covered by the lock: their markers, wheel tags, and the oldest system for each tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

PYTHON_MINORS = (11, 12, 13, 14, 15)

#: Oldest and newest system whose wheels are accepted. The newest is the most that a feature may require: onnxruntime
#: needs glibc 2.28 and macOS 14.
GLIBC_MINORS = range(17, 29)
MUSL_MINORS = range(1, 3)
MACOS_OLDEST = {"arm64": (11, 0), "x86_64": (10, 12)}
MACOS_NEWEST = {"arm64": (14, 0), "x86_64": (13, 0)}

#: PEP 600: the older names of manylinux tags, which some wheels still use exclusively.
LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True)
class Platform:
    """One row of the platform table. `key` is the lock's name; the other fields are what Python reports there."""

    key: str
    label: str
    os_name: str
    sys_platform: str
    platform_system: str
    platform_machine: str
    #: Name in wheel tags.
    arch: str
    #: `glibc`, `musl`, `macos`, or None where wheels do not name a system version.
    libc: str | None


PLATFORMS = (
    Platform("linux-x64-gnu", "Linux on x64", "posix", "linux", "Linux", "x86_64", "x86_64", "glibc"),
    Platform("linux-arm64-gnu", "Linux on arm64", "posix", "linux", "Linux", "aarch64", "aarch64", "glibc"),
    Platform("linux-x64-musl", "musl Linux (Alpine) on x64", "posix", "linux", "Linux", "x86_64", "x86_64", "musl"),
    Platform(
        "linux-arm64-musl", "musl Linux (Alpine) on arm64", "posix", "linux", "Linux", "aarch64", "aarch64", "musl"
    ),
    Platform("darwin-x64", "Intel Macs", "posix", "darwin", "Darwin", "x86_64", "x86_64", "macos"),
    Platform("darwin-arm64", "Apple silicon Macs", "posix", "darwin", "Darwin", "arm64", "arm64", "macos"),
    Platform("win32-x64", "Windows on x64", "nt", "win32", "Windows", "AMD64", "win_amd64", None),
    Platform("win32-arm64", "Windows on arm64", "nt", "win32", "Windows", "ARM64", "win_arm64", None),
)


@dataclass(frozen=True)
class Target:
    """A platform with one minor version of CPython: the unit that a list of wheels is made for."""

    platform: Platform
    minor: int

    @property
    def key(self) -> str:
        """Name of the target in lock.json, such as `linux-x64-gnu-cp313`."""
        return f"{self.platform.key}-cp3{self.minor}"

    @property
    def label(self) -> str:
        """The name shown to people."""
        return f"{self.platform.label} with Python 3.{self.minor}"

    def markers(self, patch: int) -> dict[str, str]:
        """The marker environment of this target (not the host), for the patch release `3.<minor>.<patch>`."""
        full_version = f"3.{self.minor}.{patch}"
        return {
            "extra": "",
            "implementation_name": "cpython",
            "implementation_version": full_version,
            "os_name": self.platform.os_name,
            "platform_machine": self.platform.platform_machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": self.platform.platform_system,
            "platform_version": "",
            "python_full_version": full_version,
            "python_version": f"3.{self.minor}",
            "sys_platform": self.platform.sys_platform,
        }

    def tags(self) -> dict[Tag, tuple[int, int] | None]:
        """
        Every wheel tag that fits, best first, each with the oldest system it runs on (None if the tag names none).

        The Python tag takes precedence over the platform tag; among wheels with the same Python tag, the one for the
        oldest system comes first, because one list serves every machine of the target.
        """
        floors = dict(_platform_tags(self.platform))
        version = (3, self.minor)
        abi = f"cp3{self.minor}"
        names = list(floors)
        tags = [*cpython_tags(version, [abi], names), *compatible_tags(version, abi, names)]
        return {tag: floors.get(tag.platform) for tag in dict.fromkeys(tags)}


def all_targets() -> list[Target]:
    """Every target, ordered by the platform table and then by Python minor version."""
    return [Target(platform, minor) for platform in PLATFORMS for minor in PYTHON_MINORS]


def oldest_system(platform: Platform) -> tuple[int, int] | None:
    """The minimum system even if no wheel requires a newer one."""
    if platform.libc == "glibc":
        return (2, GLIBC_MINORS[0])
    if platform.libc == "musl":
        return (1, MUSL_MINORS[0])
    if platform.libc == "macos":
        return MACOS_OLDEST[platform.arch]
    return None


def _platform_tags(platform: Platform) -> Iterator[tuple[str, tuple[int, int] | None]]:
    if platform.libc == "glibc":
        # Tags of older systems still fit; only x86_64 has them.
        first = 5 if platform.arch == "x86_64" else GLIBC_MINORS[0]
        for minor in range(first, GLIBC_MINORS[-1] + 1):
            yield f"manylinux_2_{minor}_{platform.arch}", (2, minor)
            if minor in LEGACY_MANYLINUX:
                yield f"{LEGACY_MANYLINUX[minor]}_{platform.arch}", (2, minor)
    elif platform.libc == "musl":
        for minor in MUSL_MINORS:
            yield f"musllinux_1_{minor}_{platform.arch}", (1, minor)
    elif platform.libc == "macos":
        oldest = MACOS_OLDEST[platform.arch]
        tags = [
            (max(version, oldest), arch == "universal2", f"macosx_{version[0]}_{version[1]}_{arch}")
            for version in _macos_versions(MACOS_NEWEST[platform.arch])
            for arch in (platform.arch, "universal2")
            if arch != "arm64" or version >= oldest
        ]
        # Prefer the single architecture to universal2: half the size.
        for floor, _, tag in sorted(tags):
            yield tag, floor
    else:
        yield platform.arch, None


def _macos_versions(newest: tuple[int, int]) -> Iterator[tuple[int, int]]:
    # Wheel tags use 10.4 to 10.16 and then whole major versions (as packaging.tags.mac_platforms does).
    yield from ((10, minor) for minor in range(4, 17))
    yield from ((major, 0) for major in range(11, newest[0] + 1))
