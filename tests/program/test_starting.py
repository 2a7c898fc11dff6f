import asyncio
import re
import socket
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.program.place import Place
from tests.program.process import Program, finished

EXIT_CONFIG, EXIT_IN_USE = 78, 75
READY_SECONDS = 60


@pytest.fixture
def taken_port() -> object:
    """Yield a port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def test_run_without_a_token_names_everything_that_is_missing_or_bad(tmp_path: Path) -> None:
    """One go, all problems: whoever sets the bot up is not sent round in circles."""
    settings = {"STRIPE_API_KEY": "pk_test_wrong_kind", "HTTP_PORT": "99999", "LOG_FORMAT": "xml"}

    code, out, err = await finished("run", settings=settings, cwd=tmp_path)

    assert code == EXIT_CONFIG
    assert out == ""
    for name in ("DISCORD_TOKEN: missing", "STRIPE_API_KEY: ", "HTTP_PORT: ", "LOG_FORMAT: "):
        assert err.count(name) == 1
    assert "docs/settings.md" in err
    assert "Traceback" not in err
    assert "pk_test_wrong_kind" not in err


async def test_a_key_without_its_webhook_secret_is_named(tmp_path: Path) -> None:
    """Such a bot would take money and credit nothing."""
    settings = {"DISCORD_TOKEN": "x", "STRIPE_API_KEY": "sk_test_x"}

    code, _, err = await finished("run", settings=settings, cwd=tmp_path)

    assert code == EXIT_CONFIG
    assert "STRIPE_WEBHOOK_SECRETS: missing" in err


async def test_a_bad_catalog_is_named_with_file_and_key(tmp_path: Path) -> None:
    """Several errors at once, no traceback, and no database made."""
    catalog = tmp_path / "shop.toml"
    good = (Path(__file__).parents[2] / "data" / "catalogs" / "quota-manager.toml").read_text("utf-8")
    catalog.write_text(good.replace('default_plan = "free"', 'default_plan = "none"').replace("1499", '"x"'))
    settings = {"DISCORD_TOKEN": "x", "CATALOG": str(catalog), "HTTP_PORT": "0"}

    code, out, err = await finished("run", "--data", "data", settings=settings, cwd=tmp_path)

    assert code == EXIT_CONFIG
    assert out == ""
    assert re.search(r"shop\.toml: packages\.quota_1000\.price_minor: ", err)
    assert "Traceback" not in err
    assert not (tmp_path / "data" / "quota.db").exists()


async def test_an_unknown_catalog_is_named(tmp_path: Path) -> None:
    """A name that no file has."""
    settings = {"DISCORD_TOKEN": "x", "CATALOG": "nowhere", "HTTP_PORT": "0"}

    code, _, err = await finished("run", "--data", "data", settings=settings, cwd=tmp_path)

    assert code == EXIT_CONFIG
    assert "nowhere" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["run", "sandbox"])
async def test_a_port_in_use_is_named(place: Place, taken_port: int, command: str) -> None:
    """The HTTP port, of the real bot and in the sandbox."""
    options = ["--http-port", str(taken_port)] + (["--sandbox-port", "0"] if command == "sandbox" else [])

    async with place.program(command, *options) as program:
        code = await program.ended()

    assert code == EXIT_IN_USE
    assert re.search(rf"port {taken_port} .*\(HTTP\) is in use", str(program.log))
    assert program.out.all == []
    assert "Traceback" not in str(program.log)


async def test_the_sandbox_port_in_use_is_named(place: Place, taken_port: int) -> None:
    """It says which of the two ports it means."""
    async with place.program("sandbox", "--http-port", "0", "--sandbox-port", str(taken_port)) as program:
        code = await program.ended()

    assert code == EXIT_IN_USE
    assert f"port {taken_port} is in use (sandbox): stop what uses it, or choose" in str(program.log)
    assert "--sandbox-port" in str(program.log)
    assert "Errno" not in str(program.log)
    assert "Traceback" not in str(program.log)


async def test_a_second_process_on_one_database_is_turned_away_at_once(place: Place) -> None:
    """The first goes on undisturbed, its local socket too."""
    async with place.bot() as bot:
        async with place.program("run") as second:
            code = await second.ended()
        alive = await bot.status("/healthz")
        commanded, _, _ = await place.command("keys", "list")

    assert code == EXIT_IN_USE
    assert "in use" in str(second.log)
    assert "Traceback" not in str(second.log)
    assert alive == 200
    assert commanded == 0


async def test_a_newer_schema_is_refused(place: Place) -> None:
    """An older program leaves alone what it cannot understand."""
    assert (await place.command("ledger", "verify"))[0] == 0
    with closing(sqlite3.connect(place.data / "quota.db")) as connection, connection:
        connection.execute("INSERT INTO migrations (number, name, at_ms) VALUES (999, 'tomorrow', 0)")

    async with place.program("run") as program:
        code = await program.ended()

    assert code == EXIT_CONFIG
    assert re.search(r"schema 999, this program knows \d+", str(program.log))
    assert "Traceback" not in str(program.log)
    with closing(sqlite3.connect(place.data / "quota.db")) as connection, connection:
        connection.execute("DELETE FROM migrations WHERE number = 999")


@pytest.mark.parametrize(("make", "code"), [("folder", EXIT_IN_USE), ("text", EXIT_CONFIG)])
async def test_a_file_that_is_no_database_is_named(place: Place, make: str, code: int) -> None:
    """A folder in its place, or something else's file, which is left as it was."""
    file = place.cwd / "not_ours.db"
    if make == "folder":
        file.mkdir()
    else:
        file.write_text("dear diary, " * 400)

    async with place.program("run", DATABASE_URL=f"sqlite:///{file}") as program:
        ended = await program.ended()

    assert ended == code
    assert str(file) in str(program.log)
    assert "Traceback" not in str(program.log)
    assert make == "folder" or file.read_text() == "dear diary, " * 400


async def test_ready_is_one_line_and_all_of_standard_output(place: Place) -> None:
    """Whoever starts it reads one line; the data folder is the owner's alone; the invite link is in the log."""
    began_seconds = time.monotonic()
    async with place.bot() as bot:
        ready_seconds = time.monotonic() - began_seconds
        readiness = await bot.json("/readyz")
        folder = stat.S_IMODE(place.data.stat().st_mode)
        code = await bot.program.stop()

    assert len(bot.program.out.all) == 1
    assert re.fullmatch(r"ready http=http://127\.0\.0\.1:\d{2,5}", bot.program.out.all[0])
    assert ready_seconds < READY_SECONDS
    assert readiness["status"] == "ok"
    assert {one["name"] for one in readiness["checks"]} == {"database", "discord", "stripe"}
    assert folder == 0o700
    assert "invite the bot: https://discord.com/" in str(bot.program.log)
    assert code == 0


async def test_the_sandbox_is_ready_with_all_three_parts(place: Place) -> None:
    """Its key has every scope, its page is there, and it says loudly what it is."""
    async with place.program("sandbox", "--http-port", "0", "--sandbox-port", "0") as program:
        facts = await program.ready()
        async with asyncio.timeout(READY_SECONDS):
            assert await program.log.first("SANDBOX")
        code = await program.stop()

    assert re.fullmatch(
        r"ready http=http://127\.0\.0\.1:\d+ sandbox=http://127\.0\.0\.1:\d+ api_key=jauge_[0-9a-f]{12}_\S+",
        program.out.all[0],
    )
    assert len(program.out.all) == 1
    assert facts["http"] != facts["sandbox"]
    assert code == 0
    assert (place.data / "sandbox" / "quota.db").exists()
    assert not (place.data / "quota.db").exists()


async def test_the_sandbox_ignores_the_settings_of_the_real_bot(place: Place) -> None:
    """A `.env` with live keys beside it sends nothing to the real world."""
    real = {
        "STRIPE_API_KEY": "sk_live_neverused",
        "STRIPE_WEBHOOK_SECRETS": "whsec_neverused",
        "DISCORD_API_URL": "https://discord.example/api/v10",
        "DISCORD_GATEWAY_URL": "wss://discord.example/",
        "DATABASE_URL": f"sqlite:///{place.cwd / 'real.db'}",
        "PUBLIC_URL": "https://shop.example",
    }
    (place.cwd / ".env").write_text("".join(f"{name}={value}\n" for name, value in real.items()))
    program = Program(
        *("sandbox", "--http-port", "0", "--sandbox-port", "0", "--data", str(place.data)),
        settings={},
        cwd=place.cwd,
    )
    async with program:
        await program.ready()
        code = await program.stop()

    assert code == 0
    assert not (place.cwd / "real.db").exists()
