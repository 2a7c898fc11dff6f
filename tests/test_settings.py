import logging
import re
from pathlib import Path

import pytest

import journal
import settings
from settings import Settings, SettingsError

ROOT = Path(__file__).resolve().parent.parent
NAMES = {name.upper() for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def problems(**values: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings.load(values, need_discord=True)
    return caught.value.problems


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    """docs/settings.md has a row for each setting, and no row for one that does not exist."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text("utf-8"), re.MULTILINE)

    assert sorted(rows) == sorted(NAMES)


def test_the_example_file_names_only_settings_that_exist() -> None:
    """Whoever copies .env.example sets nothing that is ignored."""
    text = (ROOT / ".env.example").read_text("utf-8")

    assert set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)) <= NAMES


def test_every_missing_and_bad_setting_is_named_at_once() -> None:
    """One start is enough to see all that must be mended."""
    found = problems(
        stripe_api_key="sk_test_x", http_port="abc", operator_ids="1,x", public_url="http://example.org"
    )

    assert {problem.split(":")[0] for problem in found} == {
        "DISCORD_TOKEN",
        "STRIPE_WEBHOOK_SECRETS",
        "HTTP_PORT",
        "OPERATOR_IDS",
        "PUBLIC_URL",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("discord_token", "abc\ndef"),
        ("stripe_api_key", "pk_test_x"),
        ("stripe_webhook_secrets", "whsec_a,nope"),
        ("database_url", "mysql://x"),
        ("default_locale", "xx-YY-zz"),
        ("max_grant", "0"),
        ("max_grant", "1000000001"),
        ("discord_api_url", "https://example.org"),
        ("terms_url", "javascript:alert(1)"),
    ],
)
def test_a_bad_value_is_refused_by_name_and_never_repeated(name: str, value: str) -> None:
    """The message names the setting; a secret that was mistyped does not land in a terminal's history."""
    values = {"discord_token": "token", "stripe_webhook_secrets": "whsec_a"} | {name: value}

    found = problems(**values)

    assert any(name.upper() in problem for problem in found)
    assert value not in "\n".join(found)


def test_lists_and_empty_values_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commas separate, blanks around them do not count, and an empty value is unset."""
    monkeypatch.setenv("OPERATOR_IDS", " 1, 2 ,")
    monkeypatch.setenv("STRIPE_API_KEY", "")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRETS", "")
    monkeypatch.setenv("DISCORD_TOKEN", "token")

    loaded = settings.load(need_discord=True)

    assert loaded.operator_ids == (1, 2)
    assert loaded.stripe_api_key is None
    assert loaded.stripe_webhook_secrets == ()


def test_the_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`.env` in the working folder is enough to go live."""
    (tmp_path / ".env").write_text("DISCORD_TOKEN=from-file\nHTTP_PORT=1234\n", encoding="utf-8")
    monkeypatch.setenv("HTTP_PORT", "4321")

    loaded = settings.load(need_discord=True)

    assert loaded.discord_token is not None
    assert loaded.discord_token.get_secret_value() == "from-file"
    assert loaded.http_port == 4321


def test_secrets_do_not_show_in_the_settings_themselves() -> None:
    """A settings object that lands in a log gives nothing away."""
    loaded = settings.load(
        {
            "discord_token": "canary-1",
            "stripe_api_key": "sk_test_canary2",
            "stripe_webhook_secrets": "whsec_canary3",
        },
        need_discord=True,
    )

    assert "canary" not in repr(loaded)
    assert "canary" not in str(loaded.model_dump())


@pytest.mark.parametrize("form", [journal.TextFormatter, journal.JsonFormatter])
def test_the_log_hides_secrets_and_cannot_be_forged(form: type[journal.TextFormatter]) -> None:
    """A secret in a message, an argument or a traceback is masked; a name with a line break stays on its line."""
    formatter = form(["canary-secret"])
    try:
        raise RuntimeError("the key canary-secret\x1b[31m was refused")
    except RuntimeError as error:
        record = logging.getLogger("x").makeRecord(
            "x",
            logging.ERROR,
            __file__,
            1,
            "by %s",
            ("ana\n2026 CRITICAL canary-secret",),
            (type(error), error, error.__traceback__),
        )

    line = formatter.format(record)

    assert "canary-secret" not in line
    assert "\x1b" not in line
    assert "ana\\n2026" in line.replace("\\\\", "\\")


def test_what_looks_like_a_key_is_taken_out_whoever_it_belongs_to() -> None:
    """A key that somebody pasted, and a password in an address, are not known before."""
    text = (
        "sk_live_abcdef123 rk_test_abcdef123 whsec_ab+cd/ef123= jauge_0123456789ab_Zz9 "
        "postgresql://jauge:hunter22@db/x price_1ABC cs_test_a1 https://example.org/a:b@c"
    )

    assert journal.Clean([]).clean(text) == (
        "[secret] [secret] [secret] [secret] postgresql://[secret]@db/x price_1ABC cs_test_a1 "
        "https://example.org/a:b@c"
    )


def test_every_secret_of_the_settings_is_known_to_the_log() -> None:
    """One that is added later, too; a database's password even where its address is not repeated."""
    loaded = settings.load(
        {
            "stripe_webhook_secrets": "whsec_one,whsec_two",
            "metrics_token": "0123456789abcdef",
            "database_url": "postgresql://u:longpassword@h/db",
        },
        need_discord=False,
    )

    assert {"whsec_one", "whsec_two", "0123456789abcdef", "longpassword"} <= set(settings.secrets_of(loaded))
