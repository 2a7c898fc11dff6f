"""`catalog check` and `catalog diff`, as somebody types them."""

from pathlib import Path

import pytest

import bot
from quota_core.catalog_file import CATALOG_FOLDER

SHIPPED = CATALOG_FOLDER / "quota-manager.toml"


def edited(folder: Path, **edits: str) -> str:
    """Write the shipped catalog with some edits, and return its path."""
    text = SHIPPED.read_text(encoding="utf-8")
    for before, after in edits.items():
        assert before in text
        text = text.replace(before, after, 1)
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_what_can_be_used_is_said_in_a_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """For each file, with what it holds; a thin margin is told, and no error."""
    dear = edited(tmp_path, **{"cost_minor = 0.3": "cost_minor = 0.5"})
    code = bot.main(["catalog", "check", "credits", dear])
    said = capsys.readouterr().out.splitlines()

    assert code == 0
    assert said[0] == "credits: can be used: 5 plans, 1 metric, 6 services, 9 features"
    assert said[1] == f"{dear}: can be used: 4 plans, 1 metric, 6 packages"
    assert said[2].startswith(f"{dear}: packages.quota_5000: margin 50% is below")


def test_every_problem_has_file_key_reason_and_what_to_write(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """All at once; the other files are checked all the same."""
    bad = edited(
        tmp_path,
        **{
            "rank = 1": 'rank = "1"',
            "popular = true": "populer = true",
            'period = "day"': 'period = "daily"',
            "price_minor = 299": "price_minor = 2.99",
            "units = 100": "",
            "[packages.quota_500]": "[packages.Quota500]",
        },
    )
    code = bot.main(["catalog", "check", bad, "credits"])
    said = capsys.readouterr().out.splitlines()

    assert code == 1
    assert said[-1].startswith("credits: can be used")
    whole = "Input should be a valid integer"
    periods = "'hour', 'day', 'week', 'month', 'year' or 'level'"
    assert {problem.removeprefix("mine.toml: ").partition(": ")[::2] for problem in said[:-1]} == {
        (
            "packages.Quota500.[key]",
            "an id is lower-case letters, digits and _, at most 40, and begins with a letter",
        ),
        (
            "packages.quota_100.price_minor",
            f"write a whole number, money in its smallest unit: 1499 for 14.99 ({whole})",
        ),
        ("packages.quota_100.units", "is missing: write it (Field required)"),
        ("plans.free.allowances.0.period", f"'daily' is none of {periods}"),
        ("plans.pro.populer", "there is no such key: write 'popular'"),
        ("plans.pro.rank", f"write a whole number without quotes ({whole})"),
    }


def test_dangling_names_and_missing_files_say_what_there_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The closest name, or all of them."""
    wrong = edited(
        tmp_path,
        **{
            'default_plan = "free"': 'default_plan = "fre"',
            'primary_metric = "requests"': 'primary_metric = "x"',
        },
    )
    codes = [bot.main(["catalog", "check", name]) for name in (wrong, "nowhere")]
    said = capsys.readouterr().out.splitlines()

    assert codes == [1, 1]
    assert said[0] == "mine.toml: default_plan: there is no plan 'fre': write 'free'"
    assert said[1] == "mine.toml: primary_metric: there is no metric 'x' (there are: requests)"
    assert "there are: credits, design-studio" in said[2]


def test_a_difference_says_what_it_does_and_whether_somebody_loses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 1 for a loss, 0 for a gain or nothing, 78 for what is no catalog."""
    less = edited(tmp_path, **{"limit = 50\n": "limit = 40\n", "price_minor = 299": "price_minor = 199"})
    codes = [
        bot.main(["catalog", "diff", "quota-manager", less]),
        bot.main(["catalog", "diff", less, "quota-manager"]),
        bot.main(["catalog", "diff", "credits", "credits"]),
        bot.main(["catalog", "diff", "credits", "nowhere"]),
    ]
    said = capsys.readouterr().out.splitlines()

    assert codes == [1, 1, 0, 78]
    assert said[0].startswith("- plans.free.allowances (requests, day).limit: 50 → 40: used stays used")
    assert (
        said[1] == "+ packages.quota_100.price_minor: 299 → 199: for new orders; open ones keep their price"
    )
    assert said[2] == "+ plans.free.allowances (requests, day).limit: 40 → 50: at once"
    assert said[-1] == "nothing changes for anybody"
