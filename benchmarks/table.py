"""`python -m benchmarks.table`: put the last results into docs/performance.md."""

from __future__ import annotations

import sys

from benchmarks import results
from benchmarks.places import PROJECT, RESULTS

PAGE = PROJECT / "docs" / "performance.md"


def main() -> int:
    """Write the table between its marks; the rest of the page stays as it is."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(results.with_table(page, results.read(RESULTS)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
