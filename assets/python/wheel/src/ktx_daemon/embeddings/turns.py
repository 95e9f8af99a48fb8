"""Decides whose texts are computed next. Pure data and decisions: no clock, threads or I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

#: Limits of a batch: tokens, including padding, and texts. Small, because others wait until a batch is complete.
BATCH_TOKENS = 384
BATCH_TEXTS = 8
#: This many batches of single texts in a row while a bulk waits; then one batch of the bulk.
SINGLES_IN_A_ROW = 4

#: The model reads at most this many tokens of a text.
_MAX_TOKENS = 256
_BYTES_PER_TOKEN = 4


def estimate_tokens(size_bytes: int) -> int:
    """Estimated tokens of a text with this many UTF-8 bytes, without reading it."""
    return min(_MAX_TOKENS, 2 + size_bytes // _BYTES_PER_TOKEN)


class Job:
    """The texts of one request, and its vectors so far."""

    def __init__(self, texts: Sequence[bytes], encode: Callable[[bytes], bytes]) -> None:
        self.texts = texts
        self.encode = encode
        #: Encoded vector by index of the text; empty until computed.
        self.vectors: list[bytes] = [b""] * len(texts)
        #: Token count by index of the text, including the two marks.
        self.token_counts: list[int] = [0] * len(texts)
        self.missing = len(texts)
        self.is_single = len(texts) == 1
        #: Group texts by length: a batch is as wide as its longest text.
        self._order = deque(sorted(range(len(texts)), key=lambda index: len(texts[index])))

    @property
    def has_more(self) -> bool:
        """Whether some of its texts have not been handed out."""
        return bool(self._order)

    @property
    def tokens_left(self) -> int:
        """Estimated tokens that have not been handed out."""
        return sum(estimate_tokens(len(self.texts[index])) for index in self._order)

    def take(self, batch: Batch) -> None:
        """Hands out as many texts as fit into the batch."""
        while self._order and batch.has_room(len(self.texts[self._order[0]])):
            batch.add(self, self._order.popleft())

    def put_back(self, index: int) -> None:
        """Returns a text that was handed out and not computed."""
        self._order.appendleft(index)

    def drop_rest(self) -> None:
        """Hands out nothing more."""
        self._order.clear()


class Batch:
    """Texts that are computed together, from one or more jobs."""

    def __init__(self) -> None:
        self.items: list[tuple[Job, int]] = []
        self._widest = 0

    def has_room(self, size_bytes: int) -> bool:
        """Whether another text of this size fits; the first one always does."""
        if not self.items:
            return True
        widest = max(self._widest, estimate_tokens(size_bytes))
        return len(self.items) < BATCH_TEXTS and widest * (len(self.items) + 1) <= BATCH_TOKENS

    def add(self, job: Job, index: int) -> None:
        self.items.append((job, index))
        self._widest = max(self._widest, estimate_tokens(len(job.texts[index])))

    @property
    def texts(self) -> list[bytes]:
        return [job.texts[index] for job, index in self.items]


class Turns:
    """
    Single texts first, several per batch; bulks take turns, one batch each.

    A stream of single texts cannot starve bulks: after `SINGLES_IN_A_ROW` batches a bulk gets one.
    """

    def __init__(self) -> None:
        self._singles: deque[Job] = deque()
        self._bulks: deque[Job] = deque()
        self._singles_in_a_row = 0

    def add(self, job: Job) -> None:
        (self._singles if job.is_single else self._bulks).append(job)

    def remove(self, job: Job) -> None:
        """Removes an abandoned job; texts already being computed are lost."""
        job.drop_rest()
        queue = self._singles if job.is_single else self._bulks
        if job in queue:
            queue.remove(job)

    def put_back(self, batch: Batch) -> None:
        """Returns a batch that was not computed; its texts come first next time."""
        for job, index in reversed(batch.items):
            is_queued = job.has_more
            job.put_back(index)
            if not is_queued:
                (self._singles if job.is_single else self._bulks).appendleft(job)

    def next_batch(self) -> Batch | None:
        """The next batch; None when nothing waits."""
        is_bulk_due = bool(self._bulks) and self._singles_in_a_row >= SINGLES_IN_A_ROW
        if self._singles and not is_bulk_due:
            self._singles_in_a_row += 1
            return self._next_singles()
        self._singles_in_a_row = 0
        if not self._bulks:
            return None
        batch = Batch()
        job = self._bulks.popleft()
        job.take(batch)
        if job.has_more:
            self._bulks.append(job)
        return batch

    @property
    def tokens_waiting(self) -> int:
        """Estimated tokens of everything that has not been handed out."""
        return sum(job.tokens_left for queue in (self._singles, self._bulks) for job in queue)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([*self._singles, *self._bulks])

    def _next_singles(self) -> Batch:
        batch = Batch()
        while self._singles and batch.has_room(len(self._singles[0].texts[0])):
            self._singles.popleft().take(batch)
        return batch
