"""Foreign text can draw nothing but itself."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wording.safe import MAX_NAME_CHARACTERS, Safe, mention, safe_name

PIECES = st.sampled_from(
    [
        "@everyone", "@here", "<@1>", "<@!1>", "<@&1>", "<#1>", "<t:1:R>", "</quota:1>", "<:e:1>", "<a:e:1>",
        "https://evil.example", "discord.gg/x", "DISCORD.GG/x", "discordapp.com/invite/x", "://", "[claim]",
        "(https", "**", "__", "~~", "||", "`", "```", "\\", "\\\\", "# ", "-# ", "> ", "- ", "1. ", "\n",
        "\u202e", "\u200b",
        "\u2066", "\u0301", "\U000e0041", "\ud800", "a", " ", "名", "é", "👩\u200d💻",
    ]
)  # fmt: skip
FOREIGN = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@given(FOREIGN)
@example("[claim](https://evil.example)")
@example("@everyone")
def test_nothing_in_a_name_is_drawn_as_anything_else(text: str) -> None:
    """No markdown, link, invite, mention, time, command or emoji is left whole."""
    safe = safe_name(text)

    assert re.search(r"(?<!\\)(?:\\\\)*[*_~|`\[\]#>]", safe) is None
    assert re.search(r"<[@#:/at!&]", safe) is None
    assert re.search(r"@(?!\u200b)", safe) is None
    assert "://" not in safe
    assert re.search(r"(?i)discord(app)?\.", safe) is None
    assert re.match(r"[-+]|\d+[.)]", safe) is None


@given(FOREIGN)
def test_a_name_is_one_visible_bounded_line(text: str) -> None:
    """Nothing that draws nothing is left, but the zero-width space that breaks links and mentions."""
    safe = safe_name(text)

    assert 1 <= len(safe) <= 2 * MAX_NAME_CHARACTERS + 1
    assert all(unicodedata.category(character) not in ("Cc", "Cs", "Co") for character in safe)
    assert all(character == "\u200b" or unicodedata.category(character) != "Cf" for character in safe)
    assert safe.replace("\u200b", "").strip()


@given(FOREIGN)
def test_safe_text_is_not_made_safe_twice(text: str) -> None:
    """Who is not sure may ask again."""
    once = safe_name(text)

    assert safe_name(once) is once


@pytest.mark.parametrize(
    "name", ["Ada Lovelace", "名前", "Zoë", "🦊 fox", "O'Brien (work)", "a-b.c", "R2-D2!"]
)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    """Most people see nothing of all this."""
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("cool_guy_99", "cool\\_guy\\_99"),
        ("\u202eevil\u202c", "evil"),
        ("a\n# b", "a \\# b"),
        ("# b", "\\# b"),
        ("- b", "\\- b"),
        ("12. b", "12\\. b"),
        ("Z\u0301\u0302\u0303\u0304\u0305\u0306", "Ź\u0302\u0303\u0304"),
        ("\u200b\u2800\u3164", "?"),
        ("https://x", "https:\u200b//x"),
        ("discord.gg/x", "discord\u200b.gg/x"),
        ("<t:1:R>", "<\u200bt:1:R\\>"),
    ],
)
def test_tricks_are_seen_for_what_they_are(text: str, safe: str) -> None:
    """Each kind of trick, by example."""
    assert safe_name(text) == safe


def test_long_text_is_cut_with_an_ellipsis() -> None:
    """The length counts what is seen."""
    assert safe_name("x" * 500, length=10) == "x" * 9 + "…"


def test_a_mention_is_by_id() -> None:
    """Only our own mentions are drawn."""
    assert mention(5) == "<@5>"
    assert isinstance(mention(5), Safe)
