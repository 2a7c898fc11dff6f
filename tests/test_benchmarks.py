"""The harness of the benchmarks: what it makes of figures, never how fast anything is."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from benchmarks import places, results
from benchmarks.__main__ import PROGRAMS
from benchmarks.baselines import LIMIT_UNITS, PER_TRANSACTION, Naive, Raw
from benchmarks.loop_lag import met_by
from benchmarks.pg_server import rate_in
from benchmarks.questions import GROWTH, LOOP_LAG, ONE_AT_A_TIME, QUESTIONS, SIZE, Question, at_least
from benchmarks.rounds import compare, percentile, take_turns
from benchmarks.table import PAGE
from benchmarks.workload import Workload

PGBENCH_SAYS = """\
number of transactions actually processed: 22037
number of failed transactions: {failed} (0.000%)
tps = 7352.313158 (without initial connection time)
"""


async def test_contestants_take_turns_and_the_warm_up_is_not_counted() -> None:
    """Baseline, product, baseline, product: a slow moment of the machine meets both."""
    order: list[tuple[str, int]] = []

    async def first(number: int) -> float:
        order.append(("first", number))
        return number

    async def second(number: int) -> float:
        order.append(("second", number))
        return 10 * number

    reached = await take_turns({"first": first, "second": second}, rounds=3)

    assert order == [(name, number) for number in range(4) for name in ("first", "second")]
    assert reached == {"first": [1, 2, 3], "second": [10, 20, 30]}


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """Not the ratio of the medians: what was measured side by side belongs together."""
    outcome = compare([10, 40, 30], [10, 10, 10_000])

    assert (outcome.ratio, outcome.low, outcome.high) == (1, 0.003, 4)
    assert (outcome.ours, outcome.theirs, outcome.rounds) == (30, 10, 3)


def test_rounds_that_are_missing_are_noticed() -> None:
    """A comparison of lists of different lengths would compare strangers."""
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        compare([1, 2], [1])


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(100, 99, 99), (100, 100, 100), (150, 99, 149), (1, 99, 1), (10, 50, 5), (2, 99, 2)],
)
def test_a_percentile_is_one_of_the_values(count: int, percent: float, expected: int) -> None:
    """The smallest value that at least so many percent do not exceed."""
    assert percentile(list(range(count, 0, -1)), percent) == expected


@pytest.mark.parametrize(
    ("question", "measured", "ratio", "met"),
    [
        (GROWTH, 0.85, 0.85, True),
        (GROWTH, 0.8499, 0.8499, False),
        (ONE_AT_A_TIME, 0.7, 0.7, True),
        (ONE_AT_A_TIME, 0.7001, 0.7001, False),
        (LOOP_LAG, 5.0, 0.25, True),
        (LOOP_LAG, 20.1, 1.005, False),
        (SIZE, 110.0, 1.0, True),
    ],
)
def test_a_limit_is_met_on_its_good_side(
    question: Question, measured: float, ratio: float, *, met: bool
) -> None:
    """Ratios are taken as they are, absolute values as their share of the limit; nothing is rounded upwards."""
    result = results.answer(question, measured, "detail")

    assert result.met is met
    assert result.ratio == pytest.approx(ratio)


def test_limits_read_as_the_issue_states_them() -> None:
    """The table shows the same signs that people asked for."""
    assert GROWTH.must == "≥ 0.85 ×"  # noqa: RUF001 - the sign of ratios
    assert SIZE.must == "≤ 110 bytes"


def test_new_results_take_the_place_of_old_ones(tmp_path: Path) -> None:
    """One row a question, in the order of the questions, whichever program ran last."""
    file = tmp_path / "results.json"
    results.record(file, [results.answer(SIZE, 100, "a"), results.answer(LOOP_LAG, 30, "b")])
    results.record(file, [results.answer(GROWTH, 0.9, "c"), results.answer(SIZE, 90, "d")])

    rows = json.loads(file.read_text(encoding="utf-8"))

    assert [row["question"] for row in rows] == [GROWTH.text, SIZE.text, LOOP_LAG.text]
    assert set(rows[0]) == {"question", "ratio", "must", "met", "baseline", "detail"}
    assert [row["met"] for row in rows] == [True, True, False]
    assert rows[1]["detail"] == "90 bytes; d"
    assert len(results.unanswered(results.read(file))) == len(QUESTIONS) - 3


def test_a_question_that_nobody_asked_is_refused(tmp_path: Path) -> None:
    """A row that would not be in the table must not get lost."""
    stranger = at_least(1, "something else", "nothing")

    with pytest.raises(AssertionError, match="every question"):
        results.record(tmp_path / "results.json", [results.answer(stranger, 2, "")])


def test_every_question_has_its_own_text() -> None:
    """The text is the name of the row."""
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS)


def test_a_question_that_was_not_met_is_shown_as_such() -> None:
    """A bad figure is recorded, not hidden."""
    rows = [results.answer(GROWTH, 0.5, "half")]

    assert "| 0.5 | ≥ 0.85 × | NO |" in results.table(rows)  # noqa: RUF001 - the sign of ratios
    assert "NO" in results.printed(rows)


def test_the_table_changes_nothing_around_it() -> None:
    """The rest of the page is written by hand."""
    page = f"before\n\n{results.BEGIN}\nold\n{results.END}\n\nafter\n"

    once = results.with_table(page, [results.answer(GROWTH, 0.9, "new")])

    assert once.startswith("before\n\n")
    assert once.endswith("\n\nafter\n")
    assert "old" not in once
    assert results.with_table(once, [results.answer(GROWTH, 0.9, "new")]) == once
    with pytest.raises(ValueError, match="missing"):
        results.with_table("no marks", [])


def test_the_page_shows_the_results_that_are_kept() -> None:
    """`python -m benchmarks.table` was run after the last measurement."""
    page = PAGE.read_text(encoding="utf-8")

    assert results.with_table(page, results.read(places.RESULTS)) == page


def test_every_program_is_there_and_on_the_page() -> None:
    """What `make bench` runs can be run alone, and people are told."""
    page = PAGE.read_text(encoding="utf-8")

    for program in PROGRAMS:
        assert (places.PROJECT / "benchmarks" / f"{program}.py").exists()
        assert f"`{program}`" in page or f"benchmarks.{program}`" in page


def test_the_same_seed_draws_the_same_accounts() -> None:
    """A second run asks for the same work."""
    assert Workload(1000).account_ids(500) == Workload(1000).account_ids(500)


def test_popularity_falls_with_rank_and_not_with_the_id() -> None:
    """The first of 1 000 accounts is asked for about 1 ÷ 7.5 of the time, wherever its id stands."""
    workload = Workload(1000)
    drawn = Counter(workload.account_ids(50_000))
    (first, often), (_, second) = drawn.most_common(2)

    assert set(drawn) <= set(workload.ids)
    assert 0.12 < often / 50_000 < 0.15
    assert 0.4 < second / often < 0.6
    assert [account_id for account_id, _ in drawn.most_common(5)] != list(workload.ids[:5])
    assert first != workload.ids[0]


def test_keys_grow_with_time_unless_they_are_random() -> None:
    """Time-ordered keys are UUIDv7: their milliseconds never go back."""
    workload = Workload(10)
    ordered = [one.key for one in workload.operations(500)]
    unordered = [one.key for one in workload.random_operations(500)]

    assert {key.version for key in ordered} == {7}
    assert all(_time_ms(one) <= _time_ms(next_one) for one, next_one in pairwise(ordered))
    assert _time_ms(ordered[-1]) - _time_ms(ordered[0]) == 10
    assert {key.version for key in unordered} == {4}
    assert len({*ordered, *unordered}) == 1000


def _time_ms(key: UUID) -> int:
    return key.int >> 80


def test_a_stop_of_the_loop_counts_for_all_who_would_have_met_it() -> None:
    """A long stop that was noted once would vanish below the 99th percentile."""
    assert met_by(3.5) == [3.5, 2.5, 1.5, 0.5]
    assert met_by(0.2) == [0.2]
    assert met_by(-0.1) == [-0.1]


async def test_the_naive_program_counts_and_knows_its_keys(tmp_path: Path) -> None:
    """A baseline that does less than it says would make every ratio a lie."""
    async with Naive.opened(tmp_path / "naive.db", [1, 2]) as naive:
        first = await naive.consume(1, 3, key="a")
        again = await naive.consume(1, 3, key="a")
        second = await naive.consume(1, 4, key="b")
        too_many = await naive.consume(1, LIMIT_UNITS, key="c")

    assert (first, again, second, too_many) == (3, None, 7, None)


def test_raw_counts_and_knows_its_keys(tmp_path: Path) -> None:
    """The same of the other baseline, over the end of a transaction."""
    operations = [(1, number.to_bytes(16, "big")) for number in range(PER_TRANSACTION + 1)]
    with Raw.opened(tmp_path / "raw.db", [1, 2]) as raw:
        raw.consume_all(operations)
        raw.consume_all(operations[-2:])
        used = raw.used(1)

    assert used == PER_TRANSACTION + 1


def test_pgbench_is_believed_only_when_nothing_failed() -> None:
    """Failed transactions are fast."""
    assert rate_in(PGBENCH_SAYS.format(failed=0)) == pytest.approx(7352.313158)
    with pytest.raises(RuntimeError, match="pgbench says"):
        rate_in(PGBENCH_SAYS.format(failed=1))
