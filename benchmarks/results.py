"""The results: one row for each question, printed, kept in a file, and shown in the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.questions import QUESTIONS, Question
from benchmarks.rounds import Compared

BEGIN = "<!-- results: begin -->"
END = "<!-- results: end -->"
COMMAND = "make bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one question came to; the fields are those of `results.json`."""

    question: str
    ratio: float
    must: str
    met: bool
    baseline: str
    detail: str


def answer(question: Question, measured: float, detail: str) -> Result:
    """Return the result of a question; `measured` is a ratio, or a value in the question's unit."""
    if question.unit:
        detail = f"{measured:.4g} {question.unit}; {detail}"
    return Result(
        question=question.text,
        ratio=round(question.ratio(measured), 4),
        must=question.must,
        met=question.met(measured),
        baseline=question.baseline,
        detail=detail,
    )


def compared(question: Question, outcome: Compared, unit: str, digits: int = 0, beside: str = "") -> Result:
    """Return the result of a comparison; `beside` is stated after what was measured."""
    return answer(question, outcome.ratio, outcome.told(unit, digits) + (f"; {beside}" if beside else ""))


def read(file: Path) -> list[Result]:
    """Return the results in a file, none when there is no file."""
    if not file.exists():
        return []
    return [Result(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def merged(old: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """Return the results in the order of the questions, the new ones in the place of old ones."""
    by_question = {one.question: one for one in (*old, *new)}
    order = [question.text for question in QUESTIONS]
    unknown = set(by_question) - set(order)
    assert not unknown or not {one.question for one in new} & unknown, "every question is in questions.py"
    return [by_question[text] for text in order if text in by_question]


def record(file: Path, new: Sequence[Result]) -> None:
    """Put results into the file, in the place of old ones."""
    record_only(file, merged(read(file), new))


def record_only(file: Path, rows: Iterable[Result]) -> None:
    """Write a file that holds these results and no other."""
    written = [asdict(one) for one in rows]
    file.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def unanswered(rows: Iterable[Result]) -> list[str]:
    """Return the questions that these results do not answer."""
    answered = {one.question for one in rows}
    return [question.text for question in QUESTIONS if question.text not in answered]


def printed(rows: Sequence[Result]) -> str:
    """Return the results as a plain table."""
    cells = [("question", "ratio", "must", "met", "baseline")]
    cells += [(one.question, f"{one.ratio:.3g}", one.must, _word(one), one.baseline) for one in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    lines = []
    for row, one in zip(cells, [None, *rows], strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if one is not None:
            lines.append(f"    {one.detail}")
    return "\n".join(lines)


def table(rows: Sequence[Result]) -> str:
    """Return the results as a table of the documentation."""
    if not rows:
        return f"No results yet: `{COMMAND}` measures them."
    lines = ["| question | ratio | must | met | baseline | measured |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {one.question} | {one.ratio:.3g} | {one.must} | {_word(one)} | {one.baseline} | {one.detail} |"
        for one in rows
    ]
    return "\n".join([*lines, "", f"Measured by `{COMMAND}`."])


def with_table(text: str, rows: Sequence[Result]) -> str:
    """Return the documentation with the table between its two marks; ValueError without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}"


def _word(one: Result) -> str:
    return "yes" if one.met else "NO"
