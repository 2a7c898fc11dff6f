import re
import signal
from pathlib import Path

from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.program.place import Bot, Place, labels, session_in, text_of

METERING = Path(__file__).parents[2] / "docs" / "metering.md"


def write_example(folder: Path) -> None:
    """Save the cog that the documentation shows, as it tells its reader to."""
    found = re.search(r"```python\n(.*?)```", METERING.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (folder / "echo_cog.py").write_text(found[1], encoding="utf-8")


def same_port(bot: Bot) -> str:
    """Return the port of a bot, so that the next one is found where Stripe knows it."""
    return bot.url.rpartition(":")[2]


async def test_a_restart_keeps_balances_and_old_buttons_work(place: Place) -> None:
    """Messages of the first process are pressed under the second: quota, shop, history and a package."""
    async with place.bot() as bot:
        await place.people.answer_to(f"!admin_quota add <@{MEMBER_ID}> 250 welcome", as_=OPERATOR_ID)
        quota = await place.people.answer_to("!quota")
        shop = await place.people.answer_to("!buy_quota")
        port = same_port(bot)
        code = await bot.program.stop()
    async with place.bot(HTTP_PORT=port):
        last = shop["id"]
        answers = []
        for message, pressed in (
            (quota, f"v1:shop:{MEMBER_ID}"),
            (quota, f"v1:history:{MEMBER_ID}"),
            (shop, f"v1:buy:quota_1000:{MEMBER_ID}"),
        ):
            await place.people.press(message, pressed)
            answers.append(await place.people.next_message(last))
            last = answers[-1]["id"]
        await place.pay(session_in(answers[-1]))
        message = await place.direct_message()

    assert code == 0
    assert "Plus" in text_of(answers[0])
    assert "250" in text_of(answers[1])
    assert labels(answers[2]) == ["Pay €14.99"]
    assert "250 → **1,250**" in text_of(message)


async def test_a_killed_process_leaves_nothing_that_stops_the_next(place: Place) -> None:
    """SIGKILL leaves the socket file and the write-ahead log; the next start takes both in its stride."""
    write_example(place.cwd)
    async with place.bot(EXTRA_COGS="echo_cog", PYTHONPATH=str(place.cwd)) as bot:
        await place.people.answer_to("!echo something")
        checkout = await place.buy()
        port = same_port(bot)
        bot.program.signal(signal.SIGKILL)
        await bot.program.ended()
    left = {file.name for file in place.data.iterdir()}
    async with place.bot(HTTP_PORT=port):
        await place.pay(checkout)
        message = await place.direct_message()
        quota = await place.people.answer_to("!quota")

    assert {"jauge.sock", "quota.db-wal"} <= left
    assert "+1,000" in text_of(message)
    assert "1 / 50" in text_of(quota)


async def test_registered_commands_are_not_registered_again(place: Place) -> None:
    """Discord counts registrations by the day: an unchanged list is sent once."""
    async with place.bot():
        await place.people.slash("quota")
    async with place.bot():
        await place.people.slash("quota")

    assert place.spied.count("PUT", "/commands") == 1


async def test_other_peoples_cogs_are_loaded_and_a_broken_one_left_out(place: Place) -> None:
    """The example of the documentation works as it stands; what fails to load is named and harms nothing."""
    write_example(place.cwd)
    (place.cwd / "broken_cog.py").write_text("raise RuntimeError('broken on purpose')\n")
    async with place.bot(EXTRA_COGS="broken_cog,echo_cog", PYTHONPATH=str(place.cwd)) as bot:
        prefix = await place.people.answer_to("!echo good morning")
        slash = await place.people.slash("echo", text="good evening")
        quota = await place.people.answer_to("!quota")

    assert prefix["content"] == "good morning"
    assert slash["content"] == "good evening"
    assert "2 / 50" in text_of(quota)
    assert "broken_cog" in str(bot.program.log)
