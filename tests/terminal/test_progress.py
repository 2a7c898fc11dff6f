import io

import pytest

from terminal.progress import Bar, EverySeconds, Progress, meter_on


class Ticks:
    """Seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def at(done: int, stage: str = "copying", total: int | None = 200) -> Progress:
    return Progress(stage=stage, unit="pages", done=done, total=total)


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (at(0), "copying: 0%, 0 of 200 pages"),
        (at(50), "copying: 25%, 50 of 200 pages"),
        (at(300), "copying: 100%, 300 of 200 pages"),
        (at(1234, total=None), "copying: 1,234 pages"),
        (at(0, total=0), "copying: 0 pages"),
    ],
)
def test_progress_reads_as_a_sentence(progress: Progress, text: str) -> None:
    """Without a total there is no percentage, and never more than all of it."""
    assert str(progress) == text


def test_a_bar_is_one_line_drawn_again_with_speed_and_what_is_left() -> None:
    """It begins at the left each time and fits the terminal."""
    stream, clock = io.StringIO(), Ticks()
    bar = Bar(stream, monotonic=clock, columns=lambda: 200)
    bar.show(at(0))
    clock.seconds += 10
    bar.show(at(50))

    first, second = stream.getvalue().split("\r")[1:]
    assert first == "[........................] copying: 0%, 0 of 200 pages\x1b[K"
    assert second == "[######..................] copying: 25%, 50 of 200 pages, 5 a second, 0:30 left\x1b[K"


def test_a_bar_is_drawn_ten_times_a_second_at_most_but_its_end_always() -> None:
    """A fast loop may call it for each row."""
    stream, clock = io.StringIO(), Ticks()
    bar = Bar(stream, monotonic=clock, columns=lambda: 200)
    for done in range(200):
        clock.seconds += 0.001
        bar.show(at(done))
    bar.show(at(200))

    drawn = stream.getvalue().split("\r")[1:]
    assert len(drawn) == 3
    assert "100%" in drawn[-1]


def test_a_bar_never_wraps_and_leaves_an_empty_line() -> None:
    """What would not fit is cut; after `clear` the next line begins at the left."""
    stream = io.StringIO()
    bar = Bar(stream, monotonic=Ticks(), columns=lambda: 50)
    bar.show(at(50))
    bar.clear()
    bar.clear()

    shown, cleared = stream.getvalue().removeprefix("\r").split("\r")
    assert len(shown.removesuffix("\x1b[K")) == 49
    assert cleared == "\x1b[K"


def test_a_log_gets_a_line_every_few_seconds_and_none_of_short_work() -> None:
    """Two seconds say nothing, twelve say two things."""
    lines: list[str] = []
    clock = Ticks()
    meter = EverySeconds(lines.append, every_seconds=5, monotonic=clock)
    for done in range(0, 121, 10):
        meter.show(at(done))
        clock.seconds += 1
    meter.clear()

    assert lines == ["copying: 25%, 50 of 200 pages", "copying: 50%, 100 of 200 pages"]


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    """A bar in a log file would be one endless line."""
    assert isinstance(meter_on(io.StringIO()), EverySeconds)
