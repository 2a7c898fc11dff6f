"""Anchors: what was there when one was made is still there, or the proof says where it is not."""

from collections.abc import Callable

import pytest

from quota_core.anchors import Anchor, Anchoring, read_anchor
from quota_core.chain import seal
from quota_core.proof import Proof
from quota_core.signing import SigningKey
from quota_core.verdict import Verdict
from quota_core.witnesses import first_digest
from tests.core.opened_ledger import OpenLedger
from tests.core.test_proof import ANA, lived_in

KEY = SigningKey.new()


async def text_of(ledger: OpenLedger) -> str:
    """Make an anchor and return its file."""
    anchoring = Anchoring(ledger.database, KEY, made_ms=ledger.clock())
    return "".join([text async for text in anchoring.lines()])


def read(text: str) -> Anchor:
    """Read an anchor that our key signed."""
    return read_anchor(text.splitlines(keepends=True), KEY.public_key)


async def verdict_of(ledger: OpenLedger, *anchors: Anchor) -> Verdict:
    """Verify with what was anchored."""
    expected = {place: head for anchor in anchors for place, head in anchor.heads.items()}
    return await Proof(ledger.database, expected).verify()


async def test_history_that_grew_still_leads_through_its_anchors(ledger: OpenLedger) -> None:
    """Several anchors at once, one of them older."""
    await lived_in(ledger)
    older = read(await text_of(ledger))
    await ledger.quota.consume(ANA, 1, key="later")
    newer = read(await text_of(ledger))
    await ledger.quota.consume(ANA, 1, key="latest")

    assert (older.seal["entries"], newer.seal["entries"]) == (9, 10)
    assert (await verdict_of(ledger, older, newer)).problems == []


async def test_a_history_that_was_written_anew_is_found(ledger: OpenLedger) -> None:
    """Whoever owns the file can make everything agree again, but not with what was anchored."""
    await ledger.quota.consume(ANA, 5, key="a")
    anchor = read(await text_of(ledger))
    [entry] = await ledger.entries()
    [(before,)] = await ledger.rows("SELECT digest FROM balances")
    forged = entry._replace(units=4, parts=entry.parts.replace("=5", "=4"))
    opened = await ledger.rows("SELECT kind, external_id, created_ms FROM accounts")
    digest = seal(first_digest(*opened[0]), *forged[1:12])
    await ledger.execute("UPDATE balances SET digest = $1, windows = replace(windows, '=5', '=4')", digest)
    # Its row says the window of its day in one character: the units beside it are those that it took.
    await ledger.tamper("UPDATE entries SET units = 4, digest = (SELECT digest FROM balances)")

    assert before != digest
    assert (await verdict_of(ledger)).problems == []
    assert (await verdict_of(ledger, anchor)).problems == [
        f"entry {entry.id}: is not version 1 of account 1 in the anchor"
    ]


async def test_an_end_that_was_cut_off_is_found(ledger: OpenLedger) -> None:
    """The chain that is left is whole, and shorter than it was."""
    await ledger.quota.consume(ANA, 5, key="a")
    first = await ledger.rows("SELECT version, head, digest, active_ms, windows FROM balances")
    await ledger.quota.consume(ANA, 2, key="b")
    anchor = read(await text_of(ledger))
    await ledger.tamper("DELETE FROM entries WHERE version = 2")
    await ledger.execute(
        "UPDATE balances SET version = $1, head = $2, digest = $3, active_ms = $4, windows = $5", *first[0]
    )

    assert (await verdict_of(ledger)).problems == []
    assert (await verdict_of(ledger, anchor)).problems == [
        "account 1: its version 2, which an anchor names, is not there"
    ]


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: text.replace("1 ", "2 ", 1),
        lambda text: text[text.index("\n") + 1 :],
        lambda text: text.replace('"entries": 9', '"entries": 8'),
        lambda text: text[: text.rindex("{")],
        lambda text: text + "3 1 00\n",
        lambda text: "hello\n" + text,
        lambda _: "",
    ],
)
async def test_an_altered_anchor_is_refused(ledger: OpenLedger, forge: Callable[[str], str]) -> None:
    """Each line is under the signature."""
    await lived_in(ledger)
    text = await text_of(ledger)

    assert forge(text) != text
    with pytest.raises(ValueError, match=r"."):
        read(forge(text))


async def test_somebody_elses_anchor_is_refused(ledger: OpenLedger) -> None:
    """A signature alone proves nothing: it must be ours."""
    await lived_in(ledger)
    text = await text_of(ledger)

    with pytest.raises(ValueError, match="another key"):
        read_anchor(text.splitlines(keepends=True), SigningKey.new().public_key)
