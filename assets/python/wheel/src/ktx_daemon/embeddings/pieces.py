"""
Tokenizes long texts piece by piece, with the same result as all at once.

The tokenizer keeps several records for each character of a text: up to 280 MB for a million. Here it never sees more
than `PIECE_CHARACTERS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenizers import Tokenizer

PIECE_CHARACTERS = 4096
#: A longer word is one unknown token, whatever it consists of (`max_input_chars_per_word` of the model).
MAX_WORD_CHARACTERS = 100


class PieceTokenizer:
    """
    Runs the steps of a BERT tokenizer on pieces: special tokens, normalizer, words, tokens of a word.

    The normalizer replaces or removes one character at a time, except that it sorts combining marks, which it then
    removes; the few that it leaves are in no token. So a text may be cut anywhere but in a special token.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._special = {token.content: id for id, token in tokenizer.get_added_tokens_decoder().items()}
        self._split = re.compile(f"({'|'.join(map(re.escape, self._special))})").split

    def tokenize(self, text: str, most: int) -> list[int]:
        """The first tokens of a text, at most this many, without the marks at its start and end."""
        ids: list[int] = []
        model = self._tokenizer.model
        for word in self._words(text):
            special = self._special.get(word)
            ids += [special] if special is not None else [token.id for token in model.tokenize(word)]
            if len(ids) >= most:
                break
        return ids[:most]

    def _words(self, text: str) -> Iterator[str]:
        """Normalized words and punctuation marks, and special tokens."""
        for section in self._split(text):
            if section in self._special:
                yield section
            else:
                yield from self._words_of_section(section)

    def _words_of_section(self, section: str) -> Iterator[str]:
        unfinished = ""
        for start in range(0, len(section), PIECE_CHARACTERS):
            piece = self._tokenizer.normalizer.normalize_str(section[start : start + PIECE_CHARACTERS])
            seen = unfinished + piece
            unfinished = ""
            for word, (_, end) in self._tokenizer.pre_tokenizer.pre_tokenize_str(seen):
                if end == len(seen):
                    # It may go on in the next piece. One character too many is enough to make it unknown.
                    unfinished = word[: MAX_WORD_CHARACTERS + 1]
                else:
                    yield word
        if unfinished:
            yield unfinished
