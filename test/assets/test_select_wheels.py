"""Which wheels a target gets. Data in, data out: no index is asked."""

from __future__ import annotations

import hashlib

import pytest
from locked_files import LockedRequirement, WheelFile, parse_pylock, parse_requirements_lock
from make_lock import choose, lock_document
from packaging.utils import canonicalize_name
from packaging.version import Version
from select_wheels import Unavailable, best_wheel, minimum_system, select_wheels
from targets import PLATFORMS, all_targets
from wheel_cache import WheelSize

TARGETS = {target.key: target for target in all_targets()}


def wheel(file: str) -> WheelFile:
    return WheelFile(file, hashlib.sha256(file.encode()).hexdigest(), f"https://index.example/{file}")


def lock_of(*lines: str) -> list[LockedRequirement]:
    """Requirements whose hashes admit every file of `offers_of`."""
    return parse_requirements_lock("\n".join(lines))


def line(requirement: str, *files: str) -> str:
    return " ".join([requirement, *(f"--hash=sha256:{wheel(file).sha256}" for file in files)])


def offers_of(*files: str) -> dict[tuple[str, Version], list[WheelFile]]:
    offers: dict[tuple[str, Version], list[WheelFile]] = {}
    for file in files:
        name, version = file.split("-")[:2]
        offers.setdefault((canonicalize_name(name), Version(version)), []).append(wheel(file))
    return offers


def selected(key: str, lines: list[str], files: list[str]) -> list[str] | Unavailable:
    chosen = select_wheels(TARGETS[key], lock_of(*lines), offers_of(*files))
    return chosen if isinstance(chosen, Unavailable) else [item.wheel.file for item in chosen]


def best(key: str, *files: str) -> str | None:
    chosen = best_wheel(TARGETS[key], [wheel(file) for file in files])
    return chosen.wheel.file if chosen else None


def test_knows_eight_platforms_with_five_pythons_each() -> None:
    assert len(TARGETS) == 40
    assert sorted({target.platform.key for target in TARGETS.values()}) == sorted(
        [
            "linux-x64-gnu",
            "linux-arm64-gnu",
            "linux-x64-musl",
            "linux-arm64-musl",
            "darwin-x64",
            "darwin-arm64",
            "win32-x64",
            "win32-arm64",
        ]
    )


@pytest.mark.parametrize("platform", [platform.key for platform in PLATFORMS])
def test_evaluates_markers_for_the_target_not_for_the_host(platform: str) -> None:
    click, colorama = "click-8.5.1-py3-none-any.whl", "colorama-0.4.6-py2.py3-none-any.whl"
    lines = [line("click==8.5.1", click), line("colorama==0.4.6 ; sys_platform == 'win32'", colorama)]
    expected = [click, colorama] if platform.startswith("win32") else [click]
    assert selected(f"{platform}-cp313", lines, [click, colorama]) == expected


@pytest.mark.parametrize(("minor", "version"), [(11, "2.4.6"), (12, "2.5.5")])
def test_takes_the_version_of_the_targets_python(minor: int, version: str) -> None:
    old, new = "numpy-2.4.6-cp311-cp311-win_amd64.whl", f"numpy-2.5.5-cp3{minor}-cp3{minor}-win_amd64.whl"
    lines = [
        line("numpy==2.4.6 ; python_full_version < '3.12'", old),
        line("numpy==2.5.5 ; python_full_version >= '3.12'", new),
    ]
    assert selected(f"win32-x64-cp3{minor}", lines, [old, new]) == [old if version == "2.4.6" else new]


@pytest.mark.parametrize(
    ("platform", "machine"),
    [
        ("linux-x64-gnu", "x86_64"),
        ("linux-arm64-musl", "aarch64"),
        ("darwin-arm64", "arm64"),
        ("darwin-x64", "x86_64"),
        ("win32-x64", "AMD64"),
        ("win32-arm64", "ARM64"),
    ],
)
def test_names_machines_as_python_does_there(platform: str, machine: str) -> None:
    assert TARGETS[f"{platform}-cp313"].markers(0)["platform_machine"] == machine


def test_prefers_the_own_python_to_abi3_to_any() -> None:
    own = "p-1-cp313-cp313-win_amd64.whl"
    abi3 = "p-1-cp39-abi3-win_amd64.whl"
    pure = "p-1-py3-none-any.whl"
    assert best("win32-x64-cp313", pure, abi3, own) == own
    assert best("win32-x64-cp313", pure, abi3) == abi3
    assert best("win32-x64-cp313", pure) == pure


@pytest.mark.parametrize(
    "file",
    [
        "p-1-cp312-cp312-manylinux_2_17_x86_64.whl",
        "p-1-cp313-cp313t-manylinux_2_17_x86_64.whl",
        "p-1-pp311-pypy311_pp73-manylinux_2_17_x86_64.whl",
        "p-1-cp314-abi3-manylinux_2_17_x86_64.whl",
        "p-1-cp313-cp313-manylinux_2_17_aarch64.whl",
        "p-1-cp313-cp313-musllinux_1_2_x86_64.whl",
        "p-1-cp313-cp313-manylinux_2_29_x86_64.whl",
        "p-1-cp313-cp313-linux_x86_64.whl",
        "p-1-py2-none-any.whl",
        "not-a-wheel.whl",
    ],
)
def test_takes_nothing_that_the_target_cannot_run(file: str) -> None:
    assert best("linux-x64-gnu-cp313", file) is None


def test_serves_the_oldest_system_among_wheels_of_one_python() -> None:
    new = "p-1-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
    old = "p-1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    assert best("linux-x64-gnu-cp313", new, old) == old


def test_prefers_the_own_architecture_to_universal2() -> None:
    own, universal = "p-1-cp313-cp313-macosx_11_0_arm64.whl", "p-1-cp313-cp313-macosx_10_13_universal2.whl"
    assert best("darwin-arm64-cp313", universal, own) == own
    assert best("darwin-arm64-cp313", universal) == universal


def test_takes_the_later_build_of_one_wheel() -> None:
    assert best("win32-x64-cp313", "p-1-2-py3-none-any.whl", "p-1-10-py3-none-any.whl") == "p-1-10-py3-none-any.whl"


def test_does_not_take_a_file_that_the_lock_does_not_name() -> None:
    locked, foreign = "p-1-py3-none-any.whl", "p-1-cp313-cp313-win_amd64.whl"
    assert selected("win32-x64-cp313", [line("p==1", locked)], [locked, foreign]) == [locked]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("linux-x64-musl-cp313", "onnxruntime 1.31.1 is not made for musl Linux (Alpine) on x64 with Python 3.13"),
        ("darwin-x64-cp314", "onnxruntime 1.31.1 is not made for Intel Macs with Python 3.14"),
    ],
)
def test_says_what_is_missing_for_whom(key: str, reason: str) -> None:
    file = "onnxruntime-1.31.1-cp313-cp313-manylinux_2_28_x86_64.whl"
    assert selected(key, [line("onnxruntime==1.31.1", file)], [file]) == Unavailable(reason)


@pytest.mark.parametrize(
    ("key", "files", "minimum"),
    [
        ("linux-x64-gnu-cp313", ["p-1-py3-none-any.whl"], {"glibc": "2.17"}),
        ("linux-x64-gnu-cp313", ["p-1-cp313-cp313-manylinux1_x86_64.whl"], {"glibc": "2.17"}),
        ("linux-x64-gnu-cp313", ["p-1-cp313-cp313-manylinux2014_x86_64.whl"], {"glibc": "2.17"}),
        ("linux-x64-gnu-cp313", ["p-1-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"], {"glibc": "2.27"}),
        ("linux-arm64-musl-cp313", ["p-1-cp313-cp313-musllinux_1_2_aarch64.whl"], {"musl": "1.2"}),
        ("darwin-arm64-cp313", ["p-1-cp313-cp313-macosx_10_9_universal2.whl"], {"macos": "11.0"}),
        ("darwin-arm64-cp313", ["p-1-cp313-cp313-macosx_14_0_arm64.whl"], {"macos": "14.0"}),
        ("darwin-x64-cp313", ["p-1-cp313-cp313-macosx_10_15_x86_64.whl"], {"macos": "10.15"}),
        ("win32-arm64-cp313", ["p-1-cp313-cp313-win_arm64.whl"], {}),
    ],
)
def test_knows_the_oldest_system_that_the_wheels_run_on(key: str, files: list[str], minimum: dict[str, str]) -> None:
    target = TARGETS[key]
    chosen = select_wheels(target, lock_of(line("p==1", *files)), offers_of(*files))
    assert not isinstance(chosen, Unavailable)
    assert minimum_system(target, chosen) == minimum


def test_refuses_a_marker_that_depends_on_the_patch_release() -> None:
    file = "p-1-py3-none-any.whl"
    with pytest.raises(ValueError, match="patch release"):
        selected("win32-x64-cp313", [line("p==1 ; python_full_version < '3.13.4'", file)], [file])


def test_refuses_two_versions_of_one_package() -> None:
    files = ["p-1-py3-none-any.whl", "p-2-py3-none-any.whl"]
    with pytest.raises(ValueError, match="two versions"):
        selected("win32-x64-cp313", [line("p==1", files[0]), line("p==2", files[1])], files)


@pytest.mark.parametrize("text", ["p>=1 --hash=sha256:" + "0" * 64, "p==1", "p"])
def test_refuses_a_requirement_without_a_pin_or_a_hash(text: str) -> None:
    with pytest.raises(ValueError, match="pinned and hashed"):
        parse_requirements_lock(text)


def test_reads_requirements_as_uv_writes_them() -> None:
    first, second = "0" * 64, "1" * 64
    text = f"p==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{first} \\\n    --hash=sha256:{second}\n# end\n"
    (requirement,) = parse_requirements_lock(text)
    assert (requirement.name, requirement.version, requirement.hashes) == ("p", Version("1.0"), {first, second})
    assert str(requirement.requirement.marker) == 'sys_platform == "win32"'


def test_reads_file_names_from_a_pylock() -> None:
    text = """
        lock-version = "1.0"
        [[packages]]
        name = "P_q"
        version = "1.0"
        sdist = { url = "https://index.example/p_q-1.0.tar.gz", hashes = { sha256 = "s" } }
        wheels = [{ url = "https://index.example/x/p_q-1.0%2Blocal-py3-none-any.whl#f", hashes = { sha256 = "w" } }]
    """
    ((key, files),) = parse_pylock(text).items()
    assert key == ("p-q", Version("1.0"))
    assert [(file.file, file.sha256) for file in files] == [("p_q-1.0+local-py3-none-any.whl", "w")]


def test_writes_both_features_and_leaves_out_a_target_without_core(capsys: pytest.CaptureFixture[str]) -> None:
    core, extra = "c-1-cp313-cp313-win_amd64.whl", "e-1-cp313-cp313-win_amd64.whl"
    locks = {
        "core": (
            lock_of(line("c==1", core, "c-1-cp312-cp312-win_amd64.whl")),
            offers_of(core, "c-1-cp312-cp312-win_amd64.whl"),
        ),
        "local-embeddings": (
            lock_of(line("c==1", core, "c-1-cp312-cp312-win_amd64.whl"), line("e==1", extra)),
            offers_of(core, "c-1-cp312-cp312-win_amd64.whl", extra),
        ),
    }
    choices = {
        TARGETS[key]: choose(TARGETS[key], locks) for key in ("win32-x64-cp311", "win32-x64-cp312", "win32-x64-cp313")
    }
    sizes = {wheel(file).sha256: WheelSize(1, 2) for file in (core, extra, "c-1-cp312-cp312-win_amd64.whl")}
    document = lock_document(choices, sizes, "https://other.example/")
    assert list(document["targets"]) == ["win32-x64-cp312", "win32-x64-cp313"]
    assert document["targets"]["win32-x64-cp313"] == {
        "minimum": {},
        "features": {"core": [wheel(core).sha256], "local-embeddings": [wheel(core).sha256, wheel(extra).sha256]},
    }
    assert document["targets"]["win32-x64-cp312"]["features"]["local-embeddings"] == {
        "unavailable": "e 1 is not made for Windows on x64 with Python 3.12"
    }
    assert document["artefacts"][wheel(extra).sha256] == {
        "file": extra,
        "kind": "wheel",
        "bytes": 1,
        "unpackedBytes": 2,
    }
    assert "left out win32-x64-cp311" in capsys.readouterr().err
    public = lock_document(choices, sizes, "https://index.example/")
    assert public["artefacts"][wheel(extra).sha256]["publicPath"] == extra


def test_says_what_a_feature_asks_for_beyond_its_target() -> None:
    core, extra = "c-1-cp313-cp313-manylinux_2_17_x86_64.whl", "e-1-cp313-cp313-manylinux_2_28_x86_64.whl"
    pure = "p-1-py3-none-any.whl"
    offers = offers_of(core, extra, pure)
    target = TARGETS["linux-x64-gnu-cp313"]
    sizes = {wheel(file).sha256: WheelSize(1, 2) for file in (core, extra, pure)}

    def entries(*files: str) -> dict[str, object]:
        locks = {
            "core": (lock_of(line("c==1", core)), offers),
            "local-embeddings": (lock_of(*(line(f"{file[0]}==1", file) for file in files)), offers),
        }
        return lock_document({target: choose(target, locks)}, sizes)["targets"][target.key]

    assert entries(core, extra) == {
        "minimum": {"glibc": "2.17"},
        "features": {
            "core": [wheel(core).sha256],
            "local-embeddings": {
                "minimum": {"glibc": "2.28"},
                "artefacts": [wheel(core).sha256, wheel(extra).sha256],
            },
        },
    }
    assert entries(core, pure)["features"]["local-embeddings"] == [wheel(core).sha256, wheel(pure).sha256]  # type: ignore[index]
