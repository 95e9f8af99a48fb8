"""Whose texts are computed next: pure decisions."""

from __future__ import annotations

import pytest

from ktx_daemon.embeddings.turns import BATCH_TEXTS, BATCH_TOKENS, SINGLES_IN_A_ROW, Batch, Job, Turns, estimate_tokens

SHORT = b"a dozen words, as a column description has them, or so"
LONG = b"word " * 400


def job(*texts: bytes) -> Job:
    return Job(list(texts), bytes)


def drain(turns: Turns) -> list[Batch]:
    batches = []
    while (batch := turns.next_batch()) is not None:
        batches.append(batch)
    return batches


def owners(batches: list[Batch], names: dict[Job, str]) -> str:
    return " ".join("".join(sorted({names[owner] for owner, _ in batch.items})) for batch in batches)


def test_nothing_waits() -> None:
    assert Turns().next_batch() is None


def test_gives_out_every_text_once() -> None:
    turns = Turns()
    jobs = [job(*[SHORT] * 20), job(LONG), job(*[LONG] * 5), job(SHORT)]
    for one in jobs:
        turns.add(one)
    given = [(id(owner), index) for batch in drain(turns) for owner, index in batch.items]
    assert sorted(given) == sorted((id(one), index) for one in jobs for index in range(len(one.texts)))


def test_a_batch_is_small_enough_to_be_waited_for() -> None:
    turns = Turns()
    turns.add(job(*[SHORT, LONG] * 50))
    for batch in drain(turns):
        sizes = [estimate_tokens(len(text)) for text in batch.texts]
        assert len(sizes) <= BATCH_TEXTS
        assert len(sizes) == 1 or max(sizes) * len(sizes) <= BATCH_TOKENS


def test_texts_of_about_one_length_are_computed_together() -> None:
    turns = Turns()
    turns.add(job(*[b"w " * count for count in (40, 1, 30, 2, 20, 3, 10, 4) * 3]))
    lengths = [len(text) for batch in drain(turns) for text in batch.texts]
    assert lengths == sorted(lengths)


def test_single_texts_go_before_bulks_and_together() -> None:
    turns = Turns()
    bulk, first, second = job(*[SHORT] * 40), job(SHORT), job(SHORT)
    for one in (bulk, first, second):
        turns.add(one)
    assert owners(drain(turns), {bulk: "b", first: "1", second: "2"}).split()[:2] == ["12", "b"]


def test_bulks_take_turns() -> None:
    turns = Turns()
    bulks = [job(*[LONG] * 3), job(*[LONG] * 3), job(*[LONG] * 2)]
    names = dict(zip(bulks, "xyz", strict=True))
    for one in bulks:
        turns.add(one)
    assert owners(drain(turns), names) == "x y z x y z x y"


def test_a_bulk_that_comes_later_does_not_wait_for_the_first_to_end() -> None:
    turns = Turns()
    first, late = job(*[LONG] * 100), job(*[LONG] * 2)
    turns.add(first)
    turns.next_batch()
    turns.add(late)
    names = {first: "f", late: "l"}
    assert owners(drain(turns), names).split()[:4] == ["f", "l", "f", "l"]


def test_endless_single_texts_do_not_hold_up_a_bulk() -> None:
    turns = Turns()
    bulk = job(*[LONG] * 3)
    turns.add(bulk)
    order = []
    while bulk.has_more and len(order) < 50:
        turns.add(job(LONG))
        batch = turns.next_batch()
        assert batch
        order.append("bulk" if batch.items[0][0] is bulk else "single")
    assert order == (["single"] * SINGLES_IN_A_ROW + ["bulk"]) * 3


@pytest.mark.parametrize("texts", [1, 30])
def test_an_abandoned_job_gives_out_nothing_more(texts: int) -> None:
    turns = Turns()
    abandoned, other = job(*[LONG] * texts), job(SHORT, SHORT)
    turns.add(abandoned)
    turns.add(other)
    if texts > 1:
        turns.next_batch()
    turns.remove(abandoned)
    turns.remove(abandoned)
    assert {owner for batch in drain(turns) for owner, _ in batch.items} == {other}


def test_knows_how_much_waits() -> None:
    turns = Turns()
    assert turns.tokens_waiting == 0
    turns.add(job(*[LONG] * 3))
    assert turns.tokens_waiting == 3 * 256
    turns.next_batch()
    assert turns.tokens_waiting == 2 * 256
