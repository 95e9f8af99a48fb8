"""Texts as the engine gets them."""

from __future__ import annotations

#: The engine reads at most this many characters of a text.
MAX_CHARACTERS = 1_048_576


class TooMuchBesideTextsError(ValueError):
    """A document is large even without its texts."""


def encode_text(text: str) -> bytes:
    """
    A text as UTF-8, truncated to what the engine reads.

    JavaScript's `slice` can split an emoji, leaving half a surrogate pair in the JSON; it is read as U+FFFD, as any
    encoder would.
    """
    text = text[:MAX_CHARACTERS]
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
