"""The whole story in a real Chromium, against the program that `make run` starts."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from sandbox.places import FRIEND_ID, GENERAL_ID, MEMBER_ID, OPERATOR_ID
from tests.browser.conftest import PATIENCE_MS
from tests.e2e.program import wait_for_commands, wait_for_discord
from tests.noon import catalog_at_noon
from tests.program.process import Program

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

READY = "body[data-ready='true']"
DESKTOP = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=360, height=740)
PICTURE_SIZE = ViewportSize(width=1280, height=1096)


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox_url(tmp_path: Path) -> AsyncIterator[str]:
    """Return the address of the chat of a running program; it must end well."""
    options = ("sandbox", "--http-port", "0", "--sandbox-port", "0", "--data", str(tmp_path / "data"))
    settings = {"CATALOG": str(catalog_at_noon(tmp_path))}
    async with Program(*options, settings=settings, cwd=tmp_path) as program:
        facts = await program.ready()
        await asyncio.to_thread(wait_for_discord, facts["http"])
        await asyncio.to_thread(wait_for_commands, facts["sandbox"])
        yield facts["sandbox"]

        assert await program.stop() == 0
        assert "Traceback" not in str(program.log)


@pytest_asyncio.fixture(loop_scope="session", params=[DESKTOP, PHONE], ids=["desktop", "phone"])
async def window(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[BrowserContext]:
    """Return a browser of a desktop's size, and one of a phone's."""
    size: ViewportSize = request.param
    phone = size is PHONE
    opened = await browser.new_context(
        viewport=size,
        is_mobile=phone,
        has_touch=phone,
        locale="en-US",
        timezone_id="UTC",
        color_scheme="light",
        reduced_motion="reduce",
    )
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    await opened.close()


class Story:
    """A person at the page; every complaint of any tab's console is kept."""

    def __init__(self, window: BrowserContext, url: str) -> None:
        self._window = window
        self._url = url
        self.complaints: list[str] = []
        window.on("console", lambda message: self._note(message.type, message.text))
        window.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self._page: Page | None = None

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    @property
    def page(self) -> Page:
        """The chat."""
        assert self._page is not None
        return self._page

    async def begin(self) -> None:
        """Open the chat."""
        self._page = await self._window.new_page()
        await self.page.goto(f"{self._url}/")
        await self.page.wait_for_selector(READY)

    @property
    def last(self) -> Locator:
        """The newest message."""
        return self.page.get_by_test_id("message").last

    def button(self, name: str) -> Locator:
        """Return the newest button of this name."""
        return self.page.get_by_test_id("component-button").filter(has_text=name).last

    async def say(self, text: str, answer: str) -> None:
        """Type a message, send it, and wait until the newest one holds `answer`."""
        await self.page.get_by_test_id("composer").fill(text)
        await self.page.get_by_test_id("send").click()
        await expect(self.last).to_contain_text(answer)

    async def go(self, room: str) -> None:
        """Open `channel-NAME` or `dm`; on a phone, from the drawer."""
        entry = self.page.get_by_test_id(room)
        if not await entry.is_visible():
            await self.page.get_by_test_id("open-navigation").click()
        await entry.click()
        await self.page.wait_for_selector(READY)

    async def become(self, user_id: int, *, language: str | None = None) -> None:
        """Switch to another person, and to a language of theirs."""
        viewer = self.page.get_by_test_id("viewer")
        drawer = not await viewer.is_visible()
        if drawer:
            await self.page.get_by_test_id("open-navigation").click()
        await viewer.select_option(str(user_id))
        await self.page.wait_for_selector(READY)
        if language is not None:
            await self.page.get_by_test_id("language").select_option(language)
            await expect(self.page.locator("html")).to_have_attribute("lang", language[:2])
        if drawer:
            await self.page.keyboard.press("Escape")
            await expect(viewer).to_be_hidden()

    async def pay(self, label: str) -> Page:
        """Follow the link to the payment page and pay; return the tab, on the page that Stripe sends back to."""
        async with self._window.expect_page() as opening:
            await self.button(label).click()
        tab = await opening.value
        await tab.get_by_test_id("pay").click()
        await tab.wait_for_url("**/checkout/success**")
        return tab

    async def fits(self) -> bool:
        """Tell whether nothing sticks out sideways."""
        measure = "document.documentElement.scrollWidth <= window.innerWidth"
        return bool(await self.page.evaluate(measure))


@pytest_asyncio.fixture(loop_scope="session")
async def story(window: BrowserContext, sandbox_url: str) -> AsyncIterator[Story]:
    """Return the chat, open, as the member; no console may complain until the end."""
    opened = Story(window, sandbox_url)
    await opened.begin()
    yield opened

    assert opened.complaints == []


async def test_from_the_first_look_to_the_direct_message(story: Story) -> None:
    """Look, spend, choose, pay in the new tab, and find the confirmation with its receipt."""
    await story.say("!quota", "0 / 50")
    await story.say("!ask hello", "1 request used")
    await story.say("!buy_quota", "Most popular")
    await story.button("1,000 · €14.99").click()
    await expect(story.last).to_contain_text("Account credited")
    await expect(story.last).to_contain_text("Only you can see this")
    success = await story.pay("Pay €14.99")
    await expect(success.locator("h1")).to_have_text("Paid. Thank you!")
    await expect(success.locator("main")).to_contain_text("1,000 requests")
    await success.close()
    await story.go("dm")

    await expect(story.last).to_contain_text("0 → 1,000")
    receipt = story.last.get_by_role("link", name="Open the receipt")
    await expect(receipt).to_have_attribute("target", "_blank")
    assert "/receipts/" in (await receipt.get_attribute("href") or "")
    assert await story.fits()


async def test_the_success_page_turns_by_itself_when_the_payment_is_confirmed(
    story: Story, sandbox_url: str
) -> None:
    """Stripe's word comes late: the page waits, looks again, and says so when it came."""
    fault = {"where": "webhooks", "fault": "drop", "path": "checkout.session.completed"}
    asked = await story.page.request.post(f"{sandbox_url}/control/faults", data=fault)
    assert asked.ok
    await story.say("!buy_quota", "Most popular")
    await story.button("100 · €2.99").click()
    success = await story.pay("Pay €2.99")

    await expect(success.locator("h1")).to_have_text("Waiting for the confirmation")
    key = {"Authorization": "Bearer sk_test_sandbox"}
    found = await story.page.request.get(
        f"{sandbox_url}/v1/events?type=checkout.session.completed", headers=key
    )
    [event] = (await found.json())["data"]
    sent = await story.page.request.post(f"{sandbox_url}/control/stripe/deliver", data={"event": event["id"]})
    assert sent.ok
    await expect(success.locator("h1")).to_have_text("Paid. Thank you!")
    await success.get_by_role("link", name="Back to Discord").click()
    await success.wait_for_selector(READY)


async def test_the_same_in_french(story: Story) -> None:
    """Chat, cards, payment page and confirmation in one language."""
    await story.become(FRIEND_ID, language="fr")
    await story.go("channel-general")
    # Slash commands and presses carry the language; a typed message follows what was last seen.
    await story.page.get_by_test_id("composer").press_sequentially("/quota ")
    await story.page.keyboard.press("Enter")
    await expect(story.last).to_contain_text("Votre quota")
    await story.say("!buy_quota", "Le plus populaire")
    await story.button("14,99").click()
    await expect(story.last).to_contain_text("Compte crédité")
    async with story.page.context.expect_page() as opening:
        await story.button("Payer 14,99").click()
    tab = await opening.value
    await expect(tab.locator("html")).to_have_attribute("lang", "fr")
    await tab.get_by_test_id("pay").click()
    await tab.wait_for_url("**/checkout/success**")
    await tab.close()
    await story.go("dm")

    await expect(story.last).to_contain_text("Quota ajouté")
    await expect(story.last.get_by_role("link", name="Ouvrir le reçu")).to_be_visible()
    assert await story.fits()


async def test_an_operator_gives_and_counts(story: Story) -> None:
    """The figures are shown to the operator alone; a member's try is refused."""
    await story.say(f"!admin_quota add <@{MEMBER_ID}> 5", "Not allowed")
    await story.become(OPERATOR_ID)
    await story.go("channel-general")
    await story.say(f"!admin_quota add <@{MEMBER_ID}> 250 welcome", "0 → 250 requests")
    await expect(story.last.get_by_test_id("reply-line")).to_contain_text("@Léa Moreau 250 welcome")
    await story.say("!admin_quota stats", "This is private")
    await story.button("Show it to me only").click()

    await expect(story.last).to_contain_text("Statistics")
    await expect(story.last).to_contain_text("250 given")
    await expect(story.last).to_contain_text("Only you can see this")
    await story.become(MEMBER_ID)
    await story.go("channel-general")
    await expect(story.page.get_by_text("250 given")).to_have_count(0)
    assert await story.fits()


async def test_the_picture_of_the_documentation(browser: Browser, sandbox_url: str) -> None:
    """The balance, the shop and the mark of a confirmation; kept as a file when JAUGE_SCREENSHOT says where."""
    window = await browser.new_context(
        viewport=PICTURE_SIZE,
        locale="en-US",
        timezone_id="UTC",
        color_scheme="light",
        reduced_motion="reduce",
    )
    story = Story(window, sandbox_url)
    await story.begin()
    for number in range(17):
        asked = {"as": str(MEMBER_ID), "channel": str(GENERAL_ID), "content": f"!ask question {number}"}
        sent = await story.page.request.post(f"{sandbox_url}/control/messages", data=asked)
        # One after the other, so that no late answer comes behind what is looked for below.
        where = {"viewer": asked["as"], "channel": asked["channel"], "after": (await sent.json())["id"]}
        answer = await story.page.request.get(
            f"{sandbox_url}/control/messages", params={**where, "settled": "1", "wait_s": "30"}
        )
        assert (await answer.json())["messages"]
    await story.say("!ask hello", "1 request used")
    await story.say("!buy_quota", "Most popular")
    await story.button("1,000 · €14.99").click()
    success = await story.pay("Pay €14.99")
    await success.close()
    await story.page.bring_to_front()
    await story.go("channel-bot-commands")
    await story.say("!quota", "18 / 50")
    await story.button("Buy").click()
    await expect(story.last).to_contain_text("Most popular")

    await expect(story.page.get_by_test_id("dm").locator(".badge")).to_have_text("1")
    await expect(story.page.get_by_test_id("embed").first).to_be_in_viewport(ratio=1)
    await expect(story.button("50,000")).to_be_in_viewport(ratio=1)
    assert story.complaints == []
    place = os.environ.get("JAUGE_SCREENSHOT")
    if place:
        await story.page.evaluate("document.activeElement.blur()")
        await story.page.mouse.move(200, 400)
        await story.page.screenshot(path=place)
    await window.close()
