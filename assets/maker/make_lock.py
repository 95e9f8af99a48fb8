"""
Prints the wheel part of lock.json as JSON: `python make_lock.py CACHE PUBLIC_FILES REQUIRES_PYTHON PYTHON TARGETS
FEATURE=REQUIREMENTS,PYLOCK …`.

REQUIRES_PYTHON is the wheel's, PYTHON the version that an install brings to a machine without one. TARGETS are keys of
targets or platforms, separated by commas; empty means all. PUBLIC_FILES is the base URL of the public index's files.
Progress and warnings go to stderr.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from locked_files import LockedRequirement, WheelFile, parse_pylock, parse_requirements_lock
from select_wheels import ChosenWheel, Offers, Unavailable, minimum_system, select_wheels
from targets import Target, all_targets
from wheel_cache import WheelSize, measure_wheels

FeatureLock = tuple[list[LockedRequirement], Offers]


def choose(target: Target, locks: dict[str, FeatureLock]) -> dict[str, list[ChosenWheel] | Unavailable]:
    """The wheels of every feature for one target."""
    return {feature: select_wheels(target, locked, offers) for feature, (locked, offers) in locks.items()}


def lock_document(
    choices: dict[Target, dict[str, list[ChosenWheel] | Unavailable]],
    sizes: dict[str, WheelSize],
    public_files: str = "",
) -> dict[str, Any]:
    """`artefacts` and `targets` of lock.json. A target without `core` is skipped: nothing can be installed there."""
    targets: dict[str, Any] = {}
    artefacts: dict[str, Any] = {}
    for target, features in choices.items():
        core = features["core"]
        if isinstance(core, Unavailable):
            print(f"left out {target.key}: {core.reason}", file=sys.stderr)
            continue
        for wheels in features.values():
            for wheel in [] if isinstance(wheels, Unavailable) else [item.wheel for item in wheels]:
                artefacts[wheel.sha256] = {
                    "file": wheel.file,
                    "kind": "wheel",
                    "bytes": sizes[wheel.sha256].file_bytes,
                    "unpackedBytes": sizes[wheel.sha256].unpacked_bytes,
                    **_public_path(wheel, public_files),
                }
        minimum = minimum_system(target, core)
        targets[target.key] = {
            "minimum": minimum,
            "features": {feature: _feature_entry(target, minimum, wheels) for feature, wheels in features.items()},
        }
    ordered = sorted(artefacts.items(), key=lambda entry: (entry[1]["file"], entry[0]))
    return {"artefacts": dict(ordered), "targets": targets}


def _public_path(wheel: WheelFile, public_files: str) -> dict[str, str]:
    """The path of a wheel on the public index's file host; nothing for a wheel from another index."""
    is_public = public_files != "" and wheel.url.startswith(public_files)
    return {"publicPath": wheel.url.removeprefix(public_files).lstrip("/")} if is_public else {}


def _feature_entry(target: Target, minimum: dict[str, str], wheels: list[ChosenWheel] | Unavailable) -> Any:
    """
    A list of digests; with a minimum if the feature needs a newer system than the target; or the reason why there is
    none.
    """
    if isinstance(wheels, Unavailable):
        return {"unavailable": wheels.reason}
    digests = [item.wheel.sha256 for item in wheels]
    own_minimum = minimum_system(target, wheels)
    return digests if own_minimum == minimum else {"minimum": own_minimum, "artefacts": digests}


def wanted_targets(names: str) -> list[Target]:
    """All targets, or the named ones. Exits with a message for an unknown name."""
    every = all_targets()
    wanted = set(filter(None, names.split(",")))
    known = {name for target in every for name in (target.key, target.platform.key)}
    if wanted - known:
        sys.exit(f"unknown targets: {', '.join(sorted(wanted - known))}; known are {', '.join(sorted(known))}")
    return [target for target in every if not wanted or {target.key, target.platform.key} & wanted]


def main(arguments: list[str]) -> None:
    """Parses the locks, measures the chosen wheels and prints the document."""
    cache = Path(arguments[0])
    requires_python = SpecifierSet(arguments[2])
    if arguments[3] not in requires_python:
        sys.exit(f"the wheel requires Python {requires_python}; an install brings Python {arguments[3]}")
    locks: dict[str, FeatureLock] = {}
    for argument in arguments[5:]:
        feature, _, paths = argument.partition("=")
        requirements, _, pylock = paths.partition(",")
        locks[feature] = (
            parse_requirements_lock(Path(requirements).read_text("utf-8")),
            parse_pylock(Path(pylock).read_text("utf-8")),
        )
    targets = [target for target in wanted_targets(arguments[4]) if f"3.{target.minor}.99" in requires_python]
    choices = {target: choose(target, locks) for target in targets}
    wheels = [
        item.wheel
        for features in choices.values()
        for selected in features.values()
        if not isinstance(selected, Unavailable)
        for item in selected
    ]
    json.dump(lock_document(choices, measure_wheels(wheels, cache), arguments[1]), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
