"""Selects one wheel for each requirement of a target. Pure: independent of network, disk and host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from locked_files import LockedRequirement, WheelFile
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version
from targets import Target, oldest_system


@dataclass(frozen=True)
class ChosenWheel:
    """A wheel and the oldest system it runs on, as (major, minor); None if it does not say."""

    wheel: WheelFile
    floor: tuple[int, int] | None


@dataclass(frozen=True)
class Unavailable:
    """The feature is not available on the target; `reason` is a sentence for people."""

    reason: str


Offers = Mapping[tuple[NormalizedName, Version], Sequence[WheelFile]]


def select_wheels(
    target: Target, locked: Iterable[LockedRequirement], offers: Offers
) -> list[ChosenWheel] | Unavailable:
    """
    One wheel for every requirement whose marker matches the target, in the order of the lock.

    Only files whose sha256 is in the lock are considered, so an index cannot substitute another. Raises ValueError when
    the result would differ between patch releases of one Python minor version, or when two requirements select two
    versions of one package.
    """
    locked = list(locked)
    wanted = [item for item in locked if item.applies_to(target.markers(patch=0))]
    if wanted != [item for item in locked if item.applies_to(target.markers(patch=99))]:
        raise ValueError(f"{target.key}: a marker of the lock depends on the patch release of Python")
    names = [item.name for item in wanted]
    if len(set(names)) != len(names):
        raise ValueError(f"{target.key}: the lock gives two versions of one package")

    chosen = []
    for item in wanted:
        best = best_wheel(
            target, [file for file in offers.get((item.name, item.version), []) if file.sha256 in item.hashes]
        )
        if best is None:
            return Unavailable(f"{item.name} {item.version} is not made for {target.label}")
        chosen.append(best)
    return chosen


def best_wheel(target: Target, files: Iterable[WheelFile]) -> ChosenWheel | None:
    """The file whose best tag ranks highest for the target, preferring the later build; None when none fits."""
    tags = target.tags()
    rank = {tag: position for position, tag in enumerate(tags)}
    candidates = []
    for file in files:
        try:
            _, _, build, file_tags = parse_wheel_filename(file.file)
        except InvalidWheelFilename:
            continue
        fitting = [tag for tag in file_tags if tag in rank]
        if fitting:
            best = min(fitting, key=rank.__getitem__)
            candidates.append((-rank[best], build, file.file, ChosenWheel(file, tags[best])))
    return max(candidates, key=lambda candidate: candidate[:3])[3] if candidates else None


def minimum_system(target: Target, chosen: Iterable[ChosenWheel]) -> dict[str, str]:
    """The minimum system, in the format of `lock.json`: `{"glibc": "2.28"}`; empty on Windows."""
    oldest = oldest_system(target.platform)
    if oldest is None or target.platform.libc is None:
        return {}
    major, minor = max([oldest, *(wheel.floor for wheel in chosen if wheel.floor)])
    return {target.platform.libc: f"{major}.{minor}"}
