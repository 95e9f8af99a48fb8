"""Large bodies give what the parser of small ones gives, and cost little."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ktx_daemon.embeddings.bodies import Document, Pace, read_document
from ktx_daemon.embeddings.large_bodies import MAX_SHORT_CHARACTERS, MAX_SKELETON_CHARACTERS, STEP_BYTES, LargeDocument
from ktx_daemon.embeddings.texts import MAX_CHARACTERS, TooMuchBesideTextsError, encode_text
from ktx_daemon.web import ProblemError

LONG = MAX_SHORT_CHARACTERS + 1


def read(body: bytes, seed: int = 0) -> Any:
    """The document, fed in pieces of random sizes, with long strings in their places."""
    source = random.Random(seed)
    document = LargeDocument()
    longest = source.choice([5, 100, STEP_BYTES, len(body)])
    position = 0
    while position < len(body):
        size = source.randint(1, longest)
        for _ in document.feed(body[position : position + size]):
            pass
        position += size
    return restored(document.parse(), document)


def restored(value: Any, document: LargeDocument | None = None) -> Any:
    """With long strings in their places, and U+FFFD for halves of surrogate pairs."""
    if isinstance(value, str):
        known = document.long_strings if document else {}
        return (known.get(value) or encode_text(value)).decode()
    if isinstance(value, list):
        return [restored(item, document) for item in value]
    if isinstance(value, dict):
        return {restored(key, document): restored(item, document) for key, item in value.items()}
    return value


PIECES = ["a", "é", "数", "🙂", '"', "\\", "/", "\n", "\x01", ",", "[{", "u12", "\ud83d", "\ude42", "\u2028", " " * 50]


def random_string(source: random.Random) -> str:
    count = source.choice([0, 1, 5, 60, 300])
    return "".join(source.choice(PIECES) for _ in range(source.randint(0, count)))


def random_value(source: random.Random, depth: int = 0) -> Any:
    kind = source.randrange(8 if depth < 4 else 6)
    match kind:
        case 0:
            return source.choice([None, True, False, 0, -1.5, 1e300, 10**30])
        case 6:
            return [random_value(source, depth + 1) for _ in range(source.randint(0, 5))]
        case 7:
            return {
                source.choice(["text", random_string(source)]): random_value(source, depth + 1)
                for _ in range(source.randint(0, 5))
            }
        case _:
            return random_string(source)


@pytest.mark.parametrize("seed", range(40))
def test_any_document_in_any_pieces_is_what_json_says(seed: int) -> None:
    source = random.Random(seed)
    value = [random_value(source) for _ in range(10)]
    is_ascii = source.random() < 0.5
    text = json.dumps(value, ensure_ascii=is_ascii, indent=source.choice([None, 2]))
    body = text.encode(errors="surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        body = json.dumps(value).encode()
    for pieces in range(4):
        assert read(body, pieces) == restored(json.loads(body))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_document_fails_as_json_says(seed: int) -> None:
    source = random.Random(seed)
    value = [random_value(source) for _ in range(10)]
    body = bytearray(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    marks = [b"", b'"', b"\\", b"\x02", b"\xff", b"\\u12", b"]", b"x"]
    for _ in range(source.randint(1, 3)):
        position = source.randrange(len(body))
        body[position : position + source.randrange(3)] = source.choice(marks)
    if source.random() < 0.3:
        del body[source.randrange(len(body)) :]

    def outcome(load: Any) -> Any:
        try:
            return restored(load(bytes(body)))
        except UnicodeDecodeError as error:
            return "UTF-8", error.start
        except json.JSONDecodeError as error:
            return error.msg, error.pos

    expected = outcome(lambda body: json.loads(body.decode()))
    for pieces in range(4):
        got = outcome(lambda body, pieces=pieces: read(body, pieces))
        if not isinstance(expected, tuple) or not isinstance(got, tuple):
            assert got == expected
        # Whichever of several mistakes is found first.
        elif got != expected:
            assert got[1] != expected[1]


def quoted(text: str, count: int = 1) -> bytes:
    return b'{"input":[' + b",".join([json.dumps(text, ensure_ascii=False).encode()] * count) + b"]}"


MEBIBYTE = 2**20
COSTLY = {
    "one wide character in 15 MB": quoted("🙂" + "a" * (15 * MEBIBYTE)),
    "only wide characters": quoted("🙂" * (15 * MEBIBYTE // 4)),
    "escaped characters": b'{"text":"' + rb"\ud83d\ude42" * (15 * MEBIBYTE // 12) + b'"}',
    "quotes": b'{"text":"' + rb"\"" * (15 * MEBIBYTE // 2) + b'"}',
    "100 texts with a wide character each": quoted("🙂" + "a" * 150_000, 100),
    "a long key": b'{"' + b"a" * (15 * MEBIBYTE) + b'":1}',
    "short strings": b'["' + b'","'.join([b"a" * 128] * (4096 * 15 // 2)) + b'"]',
    "empty lists": b"[" + b"[]," * (5 * MEBIBYTE) + b"1]",
    "nested lists": b"[" * (15 * MEBIBYTE),
    "nested lists that may be parsed": b"[" * 400_000,
    "a long number": b'{"text":' + b"9" * (15 * MEBIBYTE) + b"}",
    "a long number that may be parsed": b'{"text":' + b"9" * 400_000 + b"}",
    "a long fraction that may be parsed": b'{"text":0.' + b"9" * 400_000 + b"}",
    "white space": b'{"text":' + b" " * (15 * MEBIBYTE) + b"1}",
    "an open string": b'{"text":"' + b"a" * (15 * MEBIBYTE),
    "a wide key for each value": b"{" + b",".join(b'"%d\xf0\x9f\x99\x82":1' % n for n in range(30_000)) + b"}",
}


def reader(chunks: list[bytes]) -> Callable[[], Awaitable[bytes | None]]:
    async def read_chunk() -> bytes | None:
        return chunks.pop(0) if chunks else None

    return read_chunk


def read_over_http(body: bytes, reserve: Callable[[int], None] = lambda _: None) -> Document:
    """As the endpoints read it, all of it there at once."""
    chunks = [body[start : start + 256 * 1024] for start in range(0, len(body), 256 * 1024)]
    return asyncio.run(read_document(reader(chunks), "application/json", reserve, Pace()))


@pytest.mark.parametrize("name", COSTLY)
def test_takes_little_more_memory_than_it_keeps(name: str) -> None:
    kept = 0

    def reserve(size_bytes: int) -> None:
        nonlocal kept
        kept = max(kept, size_bytes)

    body = COSTLY[name]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        with contextlib.suppress(ProblemError):
            read_over_http(body, reserve)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The body itself is in the chunks.
    assert peak - before - len(body) < kept + 24 * MEBIBYTE
    assert kept < 16 * MEBIBYTE


@pytest.mark.parametrize("name", COSTLY)
def test_others_have_their_turn_after_each_step(name: str) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def read() -> None:
        other = asyncio.create_task(count_turns())
        with contextlib.suppress(ProblemError):
            await read_document(reader([COSTLY[name][: 12 * STEP_BYTES]]), "application/json", lambda _: None, Pace())
        other.cancel()

    asyncio.run(read())
    assert turns >= 12


def test_an_answer_waits_for_the_end_of_a_wrong_body() -> None:
    left = [b"[" * 512 * 1024, b"[" * 512 * 1024, b"]"]
    with pytest.raises(ProblemError):
        asyncio.run(read_document(reader(left), "application/json", lambda _: None, Pace()))
    assert left == []


def test_keeps_as_much_of_a_text_as_the_engine_reads() -> None:
    document = LargeDocument()
    for _ in document.feed(quoted("🙂" * (MAX_CHARACTERS + 5)) + b" "):
        pass
    (placeholder,) = document.parse()["input"]
    assert document.long_strings[placeholder].decode() == "🙂" * MAX_CHARACTERS


@pytest.mark.parametrize("body", [b'["",' * MAX_SKELETON_CHARACTERS, b" " * MAX_SKELETON_CHARACTERS * 2])
def test_refuses_what_is_large_without_its_texts(body: bytes) -> None:
    with pytest.raises(TooMuchBesideTextsError, match="JSON has more than 524288 characters beside long texts"):
        read(body)


def test_a_text_cannot_pose_as_a_placeholder() -> None:
    document = LargeDocument()
    for _ in document.feed(quoted("a" * LONG)):
        pass
    (placeholder,) = document.long_strings
    again = LargeDocument()
    for _ in again.feed(json.dumps(["b" * LONG, placeholder]).encode()):
        pass
    assert restored(again.parse(), again) == ["b" * LONG, placeholder]


def test_large_bodies_together_rest_twice_as_long_as_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    async def take_turns() -> None:
        pace = Pace()
        await pace.rest_after(1000)
        await pace.rest_after(1000)
        await Pace().rest_after(0.0001)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(take_turns())
    assert [round(rest, -2) for rest in rests] == [2000, 4000, 0]
