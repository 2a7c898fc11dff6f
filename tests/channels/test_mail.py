"""E-mails, handed to a real SMTP server on loopback."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from channels.mail import MailServer
from quota_core.accounts import AccountRef
from quota_core.errors import PreferenceError
from quota_core.events import CODE
from quota_core.preferences import Preference
from quota_core.recipients import MAX_CODES
from tests.channels.conftest import ANA, Post
from tests.channels.receiver import PATIENCE_SECONDS
from wording.mail import Mails
from wording.words import Words

PASSWORD = "canary-of-the-mailbox"


@dataclass(slots=True)
class Mailbox:
    """What the server took, and what it answers to recipients; 250 once that is used up."""

    answers: list[str] = field(default_factory=list)
    came: asyncio.Queue[EmailMessage] = field(default_factory=asyncio.Queue)

    async def handle_RCPT(  # noqa: N802 - the server calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or answer as the test wants."""
        del server, session, options
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Take a message."""
        del server, session
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.came.put_nowait(message)
        return "250 OK"

    async def next(self) -> EmailMessage:
        """Return the next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.came.get()


@asynccontextmanager
async def smtp() -> AsyncIterator[tuple[Mailbox, MailServer]]:
    """Serve until the block ends."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="localhost", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield (
            mailbox,
            MailServer(host="127.0.0.1", port=port, sender="Jauge <quota@example.org>", security="none"),
        )


def parts_of(message: EmailMessage) -> tuple[str, str]:
    """Return a message's text and HTML."""
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    return text.get_content(), page.get_content()


async def test_an_alert_arrives_as_text_and_html(post: Post) -> None:
    """Used, included, percent, the larger plans, and where to get one."""
    await post.messages.recipients.add(ANA, "email", "ana@example.org", locale="en")
    async with smtp() as (mailbox, server), post.sending(server):
        await post.cross()
        message = await mailbox.next()
        outcome = await post.notices.outcome()
    text, page = parts_of(message)

    assert outcome == "sent"
    assert (message["To"], message["From"]) == ("ana@example.org", "Jauge <quota@example.org>")
    assert message["Subject"] == "⚠️ 96% used: Requests"
    assert "You have used 48 of 50 requests (96% of your daily quota)." in text
    assert "- Pro · 1,000 requests a day" in text
    assert "https://quota.example/dashboard?upgrade=true" in text
    assert 'href="https://quota.example/dashboard?upgrade=true"' in page


async def test_an_empty_quota_is_urgent_and_in_the_readers_language(post: Post) -> None:
    """The limit, and the other link."""
    await post.messages.recipients.add(ANA, "email", "ana@example.org", locale="fr")
    async with smtp() as (mailbox, server), post.sending(server):
        await post.cross(units=50)
        message = await mailbox.next()
        await post.notices.outcome()
    text, _ = parts_of(message)

    assert message["Subject"] == "⛔ Épuisé\u00a0: Requêtes"
    assert "?upgrade=urgent" in text
    assert "50 requêtes" in text


async def test_a_busy_server_is_tried_again_and_one_that_refuses_is_not(post: Post) -> None:
    """4xx means later, with the same Message-ID; 5xx means never."""
    await post.messages.recipients.add(ANA, "email", "ana@example.org")
    async with smtp() as (mailbox, server), post.sending(server):
        mailbox.answers = ["451 busy", "250 OK", "550 no such user"]
        await post.cross()
        first = await post.notices.outcome()
        await post.later()
        second = await post.notices.outcome()
        await post.later(hours=24)
        await post.cross(key="b")
        third = await post.notices.outcome()

    assert (first, second, third) == ("later", "sent", "dead")
    assert "550" in str((await post.states())[-1][2])


async def test_a_server_that_is_away_loses_nothing(post: Post) -> None:
    """Nobody listens: later."""
    await post.messages.recipients.add(ANA, "email", "ana@example.org")
    away = MailServer(host="127.0.0.1", port=9, sender="quota@example.org", security="none")
    async with post.sending(away):
        await post.cross()

        assert await post.notices.outcome() == "later"


async def test_operators_read_whose_it_is(post: Post) -> None:
    """And an account's name can do nothing to the message."""
    await post.messages.recipients.add(None, "email", "ops@example.org")
    async with smtp() as (mailbox, server), post.sending(server):
        await post.cross(AccountRef("external", "project:<b>x</b>"))
        message = await mailbox.next()
    text, page = parts_of(message)

    assert "account project:<b>x</b>" in text
    assert "<b>x</b>" not in page


async def test_an_address_is_proved_before_anything_goes_there(post: Post) -> None:
    """Only the code is sent; after it alerts are. Quiet hours do not hold the code back."""
    await post.messages.preferences.keep(ANA, Preference(quiet=(0, 1439)))
    async with smtp() as (mailbox, server), post.sending(server):
        mine = await post.messages.recipients.add(ANA, "email", "ana@example.org", proved=False)
        message = await mailbox.next()
        await post.notices.outcome()
        await post.cross()
        before = await post.states()
        assert mine.code is not None
        await post.messages.recipients.prove(ANA, mine.id, mine.code)
        post.clock.move(days=1)
        await post.cross(key="tomorrow")
        after = await post.states()
    text, _ = parts_of(message)

    assert mine.code in text
    assert before == []
    assert [channel for channel, _, _ in after] == ["email"]
    assert [state for _, state, _ in await post.states(CODE)] == ["sent"]


async def test_nobody_sends_codes_all_day(post: Post) -> None:
    """An address is typed in and taken out again at will, and it may be anybody's."""
    recipients = post.messages.recipients
    for number in range(MAX_CODES):
        added = await recipients.add(ANA, "email", f"victim{number}@example.org", proved=False)
        await recipients.remove(ANA, added.id)
    with pytest.raises(PreferenceError) as refused:
        await recipients.add(ANA, "email", "victim@example.org", proved=False)
    await recipients.add(AccountRef("user", "2"), "email", "ben@example.org", proved=False)
    post.clock.move(days=1)

    assert refused.value.what == "codes"
    assert len(await post.states(CODE)) == MAX_CODES + 1
    assert await recipients.add(ANA, "email", "ana@example.org", proved=False)


async def test_a_failure_repeats_no_address(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """Servers quote whom they refuse, and the log is about nobody."""
    await post.messages.recipients.add(ANA, "email", "ana@example.org")
    async with smtp() as (mailbox, server), post.sending(server):
        mailbox.answers = ["450 <ana@example.org>: busy"]
        await post.cross()
        outcome = await post.notices.outcome()

    assert outcome == "later"
    assert "busy" in caplog.text
    assert "ana@example.org" not in caplog.text


def test_a_welcome_says_what_one_has(post: Post) -> None:
    """In both languages."""
    mails = Mails(post.ledger.catalog, dashboard_url="https://quota.example", can_sell=True)
    english, french = (mails.welcome("pro", Words(language)) for language in ("en", "fr"))

    assert english.subject == "🎉 Welcome to Pro!"
    assert "- 1,000 requests a day" in english.text
    assert "requêtes par jour" in french.text


async def test_a_server_that_quotes_the_password_does_not_get_it_written_down(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in what is kept of the failure, nor in the log at its most talkative, nor where objects are shown."""
    caplog.set_level("DEBUG")

    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False, message=f"535 wrong: {PASSWORD}")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Mailbox(), loop=loop, authenticator=refuse, auth_require_tls=False), "127.0.0.1", 0
    )
    async with server:
        mail = MailServer(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            sender="quota@example.org",
            user="jauge",
            password=PASSWORD,
            security="none",
        )
        await post.messages.recipients.add(ANA, "email", "ana@example.org", locale="en")
        async with post.sending(mail):
            await post.cross()
            outcome = await post.notices.outcome()
    logged = [one.getMessage() for one in caplog.records if one.name != "mail.log"]  # the server's own
    kept = str(await post.ledger.rows("SELECT failure FROM notices WHERE channel = 'email'"))

    assert outcome == "later"
    assert "535" in kept
    assert any("could not be mailed" in line for line in logged)
    assert PASSWORD not in kept + repr(mail) + "".join(logged)
