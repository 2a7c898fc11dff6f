"""A batch of operations that are all alike is read and answered by the column as it would be by the row."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.access_keys import Scope
from quota_core.answers import Spend
from tests.webhooks import test_credits_batch
from tests.webhooks.running import Running
from tests.webhooks.test_quick_json import either
from webhooks import credits_api
from webhooks.operations import wanted_in
from webhooks.plain_batch import plain_batch
from webhooks.quick_json import parse_quickly
from webhooks.spend_answers import facts_of, spend_text

texts = st.sampled_from(["a", "7", "requests", "x" * 200, "x" * 201, "", "é", '"', "\\", "units"])
strange: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1, 2**53, 1.5, [], {}, ""])
values = {
    "user_id": st.sampled_from(["7", "12", 7]) | texts | st.integers(-1, 9),
    "request_id": texts,
    "module": texts,
    "metric": texts,
    "units": st.integers(-1, 3) | st.just(10**17),
    "action": texts,
    "other": texts,
}


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return operations that are nearly alike."""
    names = draw(st.lists(st.sampled_from(sorted(values)), unique=True))
    names += [name for name in ("user_id", "request_id") if draw(st.integers(0, 9))]
    one = {name: draw(values[name]) for name in names}
    rows = [
        {name: draw(values[name]) if draw(st.booleans()) else value for name, value in one.items()}
        for _ in range(draw(st.integers(1, 3)))
    ]
    if not draw(st.integers(0, 3)):
        draw(st.sampled_from(rows))[draw(st.sampled_from(sorted(values)))] = draw(strange)
    return rows


@given(batches(), st.booleans())
def test_columns_say_what_rows_say(rows: list[dict[str, Any]], spaced: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is read by the column at all."""
    raw = json.dumps({"operations": rows}, separators=None if spaced else (",", ":"), ensure_ascii=False)
    batch = plain_batch(raw.encode())
    if batch is not None:
        by_row = [wanted_in(row) for row in parse_quickly(raw.encode())["operations"]]

        assert list(batch.users) == [one.user for one in by_row]
        assert list(batch.request_ids) == [one.request_id for one in by_row]
        assert list(batch.units) == [one.units for one in by_row]
        assert {(batch.module, batch.metric)} == {(one.module, one.metric) for one in by_row}


@given(batches(), st.data())
def test_a_byte_that_is_changed_makes_no_batch_of_what_is_none(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Names twice, text behind the end, no JSON: the column is no more generous than the row."""
    raw = bytearray(json.dumps({"operations": rows}).encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place : place + 1] = data.draw(
        st.sampled_from([b'"', b",", b"{", b"}", b"", b"\x00", b'"units":1,', b" "])
    )
    if plain_batch(bytes(raw)) is not None:
        for row in parse_quickly(bytes(raw))["operations"]:
            wanted_in(row)


@pytest.mark.parametrize(
    "row",
    [
        '{"user_id":"7","request_id":"a","request_id":"b"}',
        '{"user_id":"7","request_id":"a","units":1,"units":1}',
        '{"user_id":"7","request_id":"a","user_id":7}',
    ],
)
def test_a_name_twice_is_read_by_the_row(row: str) -> None:
    """Which refuses it."""
    raw = f'{{"operations":[{row}]}}'.encode()

    assert plain_batch(raw) is None
    assert either(parse_quickly, raw)[0] == "refused"


def test_the_usual_batch_is_read_by_the_column() -> None:
    """With and without what may be left out, and with ids as numbers."""
    one = {"user_id": "7", "request_id": "a"}
    for fields in ({}, {"metric": "m"}, {"module": "m", "units": 3}, {"action": ""}, {"user_id": 7}):
        assert plain_batch(json.dumps({"operations": [one | fields] * 3}).encode()) is not None


spends = st.builds(
    Spend,
    st.just("requests"),
    *[st.integers(0, 2**53)] * 4,
    st.none() | st.integers(0, 2**53),
    st.integers(0, 2**53),
    st.lists(st.integers(1, 9), min_size=1, max_size=2).map(tuple),
    st.booleans(),
    st.just(()),
)


@given(spends, st.sampled_from(["a", "x/<>'&~\x7f", "r-1"]))
def test_an_answer_by_hand_is_the_answer(spend: Spend, request_id: str) -> None:
    """To the byte."""
    assert f"{{{spend_text(request_id, spend)}".encode() == orjson.dumps(facts_of(request_id, spend))


async def test_both_ways_answer_alike(alone: Running) -> None:
    """Spends, replays, conflicts and refusals, with the same members in the same order."""
    key = await alone.key(Scope.QUOTA_CONSUME)
    alone.watch.to_noon()
    found: list[list[dict[str, Any]]] = []
    for user, reads in (("7", plain_batch), ("8", lambda _: None)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(credits_api, "plain_batch", reads)
            asked = [
                {"user_id": user, "request_id": name, "units": units}
                for name, units in (("a", 30), ("b", 30), ("a", 30), ("a", 1), ("c", 19), ("d", 1), ("e", 1))
            ]
            found.append(await test_credits_batch.results(alone, key, *asked))
    for results in found:
        for one in results:
            one.pop("entry_ids", None)

    assert [one["status"] for one in found[0]] == [200, 429, 200, 409, 200, 200, 429]
    assert [list(one.items()) for one in found[0]] == [list(one.items()) for one in found[1]]
