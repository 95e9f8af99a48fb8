"""
Reads large JSON documents as they arrive, at a bounded cost.

Parsed whole, 15 MB with one wide character become three strings of 60 MB, and nothing else runs meanwhile. Here each
long string is truncated to what the engine reads and kept as UTF-8. The rest of the document is small, and the parser
for small ones reads it with a placeholder for each of these strings.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator
from json.decoder import JSONDecodeError, scanstring
from typing import Any

from ktx_daemon.embeddings.texts import MAX_CHARACTERS, TooMuchBesideTextsError, encode_text

#: A document is read in steps of this size, so that none takes long.
STEP_BYTES = 32 * 1024
#: Longer strings are replaced by placeholders.
MAX_SHORT_CHARACTERS = 128
#: Limit of a document with placeholders, far beyond any sensible request. A megabyte of empty lists takes 100 MB to
#: parse.
MAX_SKELETON_CHARACTERS = 512 * 1024

#: Whole short strings and what is before them.
_SHORT_STRINGS = re.compile(
    rf'(?:[^"]*"(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu]){{0,{MAX_SHORT_CHARACTERS}}}")+',
)


class LargeDocument:
    """
    A document that is fed in pieces and then parsed.

    Raises UnicodeDecodeError with the byte, JSONDecodeError with the character, TooMuchBesideTextsError, and whatever
    else `json.loads` raises.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._bytes_seen = 0
        #: The start of an escape that goes on in the next step.
        self._rest = ""
        self._characters_seen = 0
        self._string: _LongString | None = None
        self._skeleton: list[str] = []
        self._skeleton_characters = 0
        #: By position in the skeleton: how much further the same place is in the document.
        self._shifts: list[tuple[int, int]] = [(0, 0)]
        #: Nobody can guess it, so no string of a document is taken for a placeholder.
        self._nonce = os.urandom(16).hex()
        #: Long strings by placeholder.
        self.long_strings: dict[str, bytes] = {}
        self._long_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Roughly what it takes in memory."""
        return self._skeleton_characters + self._long_bytes + (self._string.size_bytes if self._string else 0)

    def feed(self, data: bytes) -> Iterator[None]:
        """Reads some more; yields after each step."""
        for start in range(0, len(data), STEP_BYTES):
            self._read(self._decode(data[start : start + STEP_BYTES]))
            yield

    def parse(self) -> Any:
        """The whole document, with placeholders for `long_strings`."""
        self._read(self._decode(b"", is_last=True))
        if self._string:
            raise JSONDecodeError("Unterminated string starting at", "", self._string.position)
        try:
            return json.loads("".join(self._skeleton))
        except JSONDecodeError as error:
            shift = next(shift for start, shift in reversed(self._shifts) if start <= error.pos)
            message, position = error.msg, error.pos + shift
        raise JSONDecodeError(message, "", position)

    def _decode(self, data: bytes, is_last: bool = False) -> str:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(data, is_last)
        except UnicodeDecodeError as error:
            start = self._bytes_seen - pending + error.start
            raise UnicodeDecodeError("utf-8", b"", start, start + 1, error.reason) from None
        self._bytes_seen += len(data)
        return text

    def _read(self, text: str) -> None:
        text = self._rest + text
        self._rest = ""
        base = self._characters_seen
        position = 0
        while position < len(text):
            if self._string:
                position = self._read_string(text, position, base)
            else:
                position = self._read_outside(text, position, base)
        self._characters_seen = base + len(text) - len(self._rest)

    def _read_outside(self, text: str, position: int, base: int) -> int:
        """Reads up to the content of the next string."""
        if short := _SHORT_STRINGS.match(text, position):
            self._keep(short[0])
            return short.end()
        quote = text.find('"', position)
        if quote < 0:
            self._keep(text[position:])
            return len(text)
        self._keep(text[position:quote])
        self._string = _LongString(base + quote)
        return quote + 1

    def _read_string(self, text: str, position: int, base: int) -> int:
        """Reads a string to its end, or as far as it has arrived."""
        assert self._string
        if text.find('"', position) >= 0:
            try:
                value, end = scanstring(text, position, True)
            except JSONDecodeError:
                pass  # It ends later, or is invalid, which shows below.
            else:
                self._string.add(value)
                self._close(self._string, base + end)
                return end
        end = _end_of_whole_escapes(text, position)
        try:
            value, _ = scanstring(text[position:end] + '"', 0, True)
        except JSONDecodeError as error:
            raise JSONDecodeError(error.msg, "", base + position + error.pos) from None
        self._string.add(value)
        self._rest = text[end:]
        return len(text)

    def _close(self, string: _LongString, end: int) -> None:
        self._string = None
        short = string.short
        if short is None:
            short = f"{self._nonce}{len(self.long_strings)}"
            self.long_strings[short] = string.encode()
            self._long_bytes += len(self.long_strings[short])
        self._keep(json.dumps(short))
        self._shifts.append((self._skeleton_characters, end - self._skeleton_characters))

    def _keep(self, text: str) -> None:
        self._skeleton.append(text)
        self._skeleton_characters += len(text)
        if self._skeleton_characters > MAX_SKELETON_CHARACTERS:
            raise TooMuchBesideTextsError(
                f"JSON has more than {MAX_SKELETON_CHARACTERS} characters beside long texts. "
                "Send fewer texts at once, and no token numbers"
            )


class _LongString:
    """A string that is read piece by piece."""

    def __init__(self, position: int) -> None:
        #: Of its quote in the document.
        self.position = position
        self._characters = 0
        self._start = ""
        self._encoded = bytearray()
        #: Half a surrogate pair, whose other half may come next.
        self._half = ""

    @property
    def size_bytes(self) -> int:
        return len(self._encoded)

    @property
    def short(self) -> str | None:
        """The string itself unless it is long."""
        return self._start if self._characters <= MAX_SHORT_CHARACTERS else None

    def add(self, piece: str) -> None:
        if self._characters <= MAX_SHORT_CHARACTERS:
            self._start += piece[: MAX_SHORT_CHARACTERS + 1]
        left = MAX_CHARACTERS - self._characters
        self._characters += len(piece)
        if left <= 0:
            return
        piece = self._half + piece[:left]
        self._half = piece[-1:] if "\ud800" <= piece[-1:] <= "\udbff" else ""
        self._encoded += encode_text(piece[: len(piece) - len(self._half)])

    def encode(self) -> bytes:
        return bytes(self._encoded) + encode_text(self._half)


def _end_of_whole_escapes(text: str, position: int) -> int:
    r"""Where an unfinished escape (`\`, `\u12`) at the end of a part of a string starts, or the end."""
    backslash = text.rfind("\\", max(position, len(text) - 5))
    if backslash < 0:
        return len(text)
    before = text[position : backslash + 1]
    is_escaped = (len(before) - len(before.rstrip("\\"))) % 2 == 0
    size = 6 if text[backslash + 1 : backslash + 2] == "u" else 2
    return len(text) if is_escaped or backslash + size <= len(text) else backslash
