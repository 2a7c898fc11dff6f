"""Statements that mean the same on both engines."""

from quota_core.accounts import AccountRef
from quota_core.statements import Row, Work, fetch, fetch_any, fetch_together
from tests.core.opened_ledger import OpenLedger

ANA = AccountRef("user", "1")


async def test_questions_that_go_together_get_their_own_answers(ledger: OpenLedger) -> None:
    """Each as if it were asked alone: its parameters, its columns, no row at all."""

    def work() -> Work[list[Row]]:
        return (
            yield fetch_together(
                fetch(
                    "SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT) UNION ALL SELECT 'b', NULL ORDER BY 1",
                    "a",
                    1,
                ),
                fetch("SELECT id FROM entries WHERE id > $1", 0),
                fetch_any("SELECT id, digest FROM entries WHERE id = ANY($1)", [7]),
                fetch("SELECT kind, external_id FROM accounts WHERE external_id = $1", "1"),
            )
        )

    await ledger.quota.consume(ANA, 1, key="m")
    answers = await ledger.database.write(work)

    assert answers == [([("a", 1), ("b", None)],), ([(1,)],), ([],), ([("user", "1")],)]
    assert await ledger.database.read(work) == answers
