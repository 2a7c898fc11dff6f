"""The quick ways read what the strict ways read, and refuse what those refuse."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from webhooks.body import parse
from webhooks.operations import OperationRequest, Wanted, wanted_from, wanted_in
from webhooks.problems import ProblemError
from webhooks.quick_json import parse_quickly

texts = st.text(max_size=6) | st.sampled_from(
    ["requests", "7", "x" * 200, "x" * 201, "é", '"', "\\", "\ud800"]
)
scalars = st.none() | st.booleans() | st.integers(-(10**21), 10**21) | st.floats() | texts
names = st.sampled_from(["user_id", "module", "metric", "units", "action", "request_id", "other", "é"])
rows = st.dictionaries(names, scalars, max_size=6)
documents = st.recursive(
    scalars | rows | st.fixed_dictionaries({"operations": st.lists(rows | scalars, max_size=4)}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


def either(read: Any, raw: bytes) -> tuple[str, Any]:
    """Return what was read, or the type of the refusal."""
    try:
        return "read", read(raw)
    except ProblemError as error:
        return "refused", (error.problem.status, error.problem.slug, error.problem.title)


def bodies(document: Any) -> list[bytes]:
    """Return the ways to write a document that JSON has."""
    return [
        json.dumps(document, ensure_ascii=ascii_, separators=separators).encode("utf-8", "surrogatepass")
        for ascii_ in (True, False)
        for separators in ((",", ":"), (" , ", " : "))
    ]


@given(documents)
def test_the_quick_way_reads_what_the_strict_way_reads(document: Any) -> None:
    """Whatever the document: the same value, or the same refusal."""
    for raw in bodies(document):
        assert either(parse_quickly, raw) == either(parse, raw)


@given(rows, st.data())
def test_a_body_with_one_byte_changed_is_read_alike(row: dict[str, Any], data: st.DataObject) -> None:
    """Broken in any place: neither way is more generous than the other."""
    raw = bytearray(data.draw(st.sampled_from(bodies({"operations": [row, {"request_id": "r"}]}))))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.sampled_from(b'"{}[],:\\ 0e.-x\x00\x1f\x7f\xc3\xff'))

    assert either(parse_quickly, bytes(raw)) == either(parse, bytes(raw))


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b'{"units": 1, "units": 2}',
            b'{"units": 1, "un\\u0069ts": 2}',
            b'{"operations": [], "operations": []}',
        ),
        *(
            b'{"operations": [{"units": 1, "units": 2}]}',
            b'{"a": "x", "a": "y", "b": "z"}',
            b"\xef\xbb\xbf{}",
        ),
        *(b'{"units": 1e999}', b'{"units": NaN}', b'{"units": ' + b"9" * 21 + b"}", b"[" * 5000, b"", b"{"),
        *(b'{"operations": ' * 17 + b"[]" + b"}" * 17, b'{"units": 01}', b'{"units": +1}', b'{"units": 1,}'),
    ],
)
def test_what_is_not_strict_is_refused(raw: bytes) -> None:
    """The parser behind it would let some of it through, alone."""
    with pytest.raises(ProblemError):
        parse_quickly(raw)


def modelled(row: Any) -> Wanted | None:
    """Return what the model makes of a value, None when it refuses."""
    try:
        found = OperationRequest.model_validate(row)
    except ValidationError:
        return None
    user = str(found.user_id) if "user_id" in found.model_fields_set else None
    return Wanted(user, found.module or None, found.metric or None, found.units, found.request_id)


plausible = st.fixed_dictionaries(
    {"request_id": texts},
    optional={
        "user_id": texts | st.integers(-2, 10**20),
        "module": texts,
        "metric": texts,
        "units": st.integers() | st.booleans(),
        "action": texts,
    },
)


@given(rows | plausible | documents)
def test_an_operation_is_read_quickly_as_it_is_strictly(document: Any) -> None:
    """Whatever the document: the same operation, or the same refusal."""
    for raw in bodies(document):
        for sent in (raw, raw.replace(b'"metric"', b'"units"'), raw.replace(b'"other"', b'"request_id"')):
            assert either(wanted_from, sent) == either(lambda body: wanted_in(parse(body)), sent)


@given(rows | plausible | scalars)
def test_the_check_by_hand_accepts_what_the_model_accepts(row: Any) -> None:
    """Whatever the value: the same operation, or a 422 that says where."""
    expected = modelled(row)
    if expected is not None:
        assert wanted_in(row) == expected
        return
    with pytest.raises(ProblemError) as refusal:
        wanted_in(row)

    assert refusal.value.problem.status == 422
    assert refusal.value.problem.facts["errors"]
