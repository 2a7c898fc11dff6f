"""The chat page in a real Chromium, against the real sandbox and a small real bot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect

from sandbox.places import FRIEND_ID, MEMBER_ID
from sandbox.server import Sandbox, serve
from tests.browser import small_bot

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

READY = "body[data-ready='true']"
FAINT_TEXTS = (Path(__file__).parent / "faint_texts.js").read_text(encoding="utf-8")


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a sandbox with the small bot in it."""
    async with (
        serve() as running,
        small_bot.running(api_url=running.api_url, gateway_url=running.gateway_url),
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def chat(page: Page, sandbox: Sandbox) -> AsyncIterator[Page]:
    """Return the page, opened and ready, as the member in #general; it is left before the sandbox ends."""
    await page.goto(f"{sandbox.url}/")
    await page.wait_for_selector(READY)
    yield page
    # A page that is still open would call for a sandbox that is gone, and complain of it.
    await page.goto("about:blank")


def messages(chat: Page) -> Locator:
    """Return the messages on the page, oldest first."""
    return chat.get_by_test_id("message")


def button(chat: Page, name: str) -> Locator:
    """Return the newest button of this name in the messages."""
    return chat.get_by_test_id("component-button").filter(has_text=name).last


async def say(chat: Page, text: str) -> None:
    """Type into the message box and send."""
    await chat.get_by_test_id("composer").fill(text)
    await chat.get_by_test_id("composer").press("Enter")


async def show_card(chat: Page) -> None:
    """Have the bot show its card, and wait for it."""
    await say(chat, "!card")
    await expect(button(chat, "Whisper")).to_be_visible()


async def look_as(chat: Page, user_id: int) -> None:
    """Switch to another person and wait until the page is theirs."""
    await chat.get_by_test_id("viewer").select_option(str(user_id))
    await expect(chat.get_by_test_id("viewer")).to_have_value(str(user_id))
    await chat.wait_for_selector(READY)


async def test_a_message_is_sent_and_answered_as_discord_draws_it(chat: Page) -> None:
    """The answer carries the badge, the reply line, the embed with its fields, and a live time."""
    await show_card(chat)

    answer = messages(chat).last
    await expect(answer.get_by_text("APP")).to_be_visible()
    await expect(answer.get_by_test_id("reply-line")).to_contain_text("!card")
    await expect(answer.get_by_test_id("embed")).to_contain_text("a footer")
    await expect(answer.locator(".embed-field.span-4")).to_have_count(3)
    await expect(answer.locator("time[data-relative]")).to_contain_text("in ")


async def test_an_edit_changes_the_message_in_place(chat: Page) -> None:
    """The bot's edit arrives live and is marked."""
    await say(chat, "!edit")

    await expect(messages(chat).last.get_by_test_id("content")).to_have_text("after (edited)")
    await expect(messages(chat)).to_have_count(2)


async def test_a_hint_of_the_banner_types_itself_and_sends(chat: Page) -> None:
    """One press is enough to try the bot."""
    await expect(chat.get_by_test_id("banner")).to_contain_text("no real money")
    await chat.get_by_test_id("hint").first.click()

    await expect(messages(chat).first).to_contain_text("!quota")
    await expect(chat.get_by_test_id("composer")).to_have_value("")


async def test_a_command_is_completed_and_its_private_answer_dismissed(chat: Page) -> None:
    """A slash opens the list; the deferred answer says who used what, is private, and can be put away."""
    await chat.get_by_test_id("composer").press_sequentially("/ca")
    await expect(chat.get_by_test_id("completion")).to_have_count(1)
    await chat.keyboard.press("Enter")
    await expect(chat.get_by_test_id("slash-name")).to_have_text("/card")
    await chat.keyboard.press("Enter")

    answer = messages(chat).last
    await expect(answer.get_by_test_id("embed")).to_be_visible()
    await expect(answer.get_by_test_id("used-line")).to_contain_text("used /card")
    await answer.get_by_role("button", name="Dismiss message").click()
    await expect(messages(chat)).to_have_count(0)


async def test_a_sub_command_takes_people_numbers_and_optional_words(chat: Page, sandbox: Sandbox) -> None:
    """Options are fields with lists; a missing required one is named before anything is sent."""
    friend = sandbox.world.users[FRIEND_ID]
    await chat.get_by_test_id("composer").press_sequentially("/tools give ")
    await chat.get_by_test_id("option-user").fill(friend.name[:3])
    await chat.keyboard.press("Enter")
    await expect(chat.get_by_test_id("option-amount")).to_be_focused()
    await chat.keyboard.press("Enter")
    await expect(chat.get_by_role("alert").filter(has_text="amount")).to_be_visible()
    await chat.keyboard.type("12")
    await chat.get_by_test_id("add-option-reason").click()
    await chat.keyboard.type("a gift")
    await chat.keyboard.press("Enter")

    await expect(messages(chat).last.get_by_test_id("content")).to_have_text(
        f"@{friend.name} gets 12: a gift"
    )


async def test_the_bot_is_asked_for_choices_while_one_types(chat: Page) -> None:
    """An option with autocomplete lists what the bot offers for the letters so far."""
    await chat.get_by_test_id("composer").press_sequentially("/tools paint ")
    await chat.get_by_test_id("option-colour").press_sequentially("re")
    await expect(chat.get_by_test_id("completion")).to_have_text(["red", "green"])
    await chat.keyboard.press("ArrowDown")
    await chat.keyboard.press("Enter")
    await chat.keyboard.press("Enter")

    await expect(messages(chat).last.get_by_test_id("content")).to_have_text("painted 2")


async def test_a_private_answer_vanishes_for_another_person(chat: Page) -> None:
    """The presser alone sees it; the card stays for all."""
    await show_card(chat)
    await button(chat, "Whisper").click()
    await expect(messages(chat).last).to_contain_text("Only you can see this")
    await look_as(chat, FRIEND_ID)

    await expect(messages(chat)).to_have_count(2)
    await expect(chat.get_by_text("for your eyes")).to_have_count(0)


async def test_a_press_edits_the_card_and_a_choice_is_told(chat: Page) -> None:
    """An update keeps the message; a menu sends its value."""
    await show_card(chat)
    await button(chat, "Edit").click()
    await expect(messages(chat).last.get_by_test_id("content")).to_contain_text("changed")
    await chat.get_by_test_id("component-select").last.select_option("Two")

    await expect(messages(chat).last.get_by_test_id("content")).to_have_text("chose 2")


async def test_a_press_without_an_answer_spins_and_then_fails(chat: Page, sandbox: Sandbox) -> None:
    """The button works for as long as Discord waits, then the failure is told."""
    sandbox.world.answer_within_ms = 8000  # longer than Discord, so that a slow browser sees it too
    await show_card(chat)
    await button(chat, "Silent").click()
    await expect(button(chat, "Silent")).to_have_attribute("aria-busy", "true")

    await expect(messages(chat).last).to_contain_text("This interaction failed")
    await expect(button(chat, "Silent")).not_to_have_attribute("aria-busy", "true")


async def test_a_command_without_an_answer_is_told(chat: Page) -> None:
    """A command that the bot ignores does not vanish silently."""
    await chat.get_by_test_id("composer").press_sequentially("/silent ")
    await chat.keyboard.press("Enter")

    await expect(chat.get_by_text("The application did not respond")).to_be_visible()


async def test_a_link_button_opens_elsewhere_without_a_way_back(chat: Page) -> None:
    """A new tab that cannot reach this one; a disabled button is disabled."""
    await show_card(chat)

    link = button(chat, "Open")
    await expect(link).to_have_attribute("href", "https://example.org/pay")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(button(chat, "Sold out")).to_be_disabled()


async def test_a_form_that_is_quicker_than_the_press_leaves_no_button_waiting(chat: Page) -> None:
    """The form comes by another way than the answer to the press, and may overtake it."""
    form = chat.get_by_test_id("modal")

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await expect(form).to_be_visible()
        await route.fulfill(response=answer)

    await chat.route("**/control/press", late)
    await show_card(chat)
    await button(chat, "Form").click()
    await expect(button(chat, "Form")).not_to_have_attribute("aria-busy", "true")
    await chat.unroute("**/control/press")

    await chat.get_by_test_id("modal-cancel").click()
    await button(chat, "Form").click()
    await expect(form).to_be_visible()


async def test_a_form_is_filled_in_and_sent(chat: Page) -> None:
    """A modal opens over the page, insists on its required field, and its answer comes back."""
    await show_card(chat)
    await button(chat, "Form").click()
    fields = chat.get_by_test_id("modal-field")
    await expect(fields.first).to_be_focused()
    await chat.get_by_test_id("modal-submit").click()
    await expect(chat.get_by_test_id("modal")).to_be_visible()
    await fields.first.fill("quota")
    await fields.nth(1).fill("more words")
    await chat.get_by_test_id("modal-submit").click()

    await expect(messages(chat).last.get_by_test_id("content")).to_have_text("quota: more words")
    await expect(chat.get_by_test_id("modal")).to_be_hidden()


async def test_components_of_the_newer_kind_are_drawn(chat: Page) -> None:
    """A container with a heading and a line."""
    await say(chat, "!layout")

    box = messages(chat).last.locator(".layout-container")
    await expect(box.get_by_role("heading", name="In a box")).to_be_visible()
    await expect(box.locator("hr")).to_have_count(1)


async def test_a_direct_message_raises_a_mark_until_it_is_read(chat: Page) -> None:
    """The mark counts what is for the viewer, and goes when the room is opened."""
    await say(chat, "!dm")
    await expect(chat.get_by_test_id("dm").locator(".badge")).to_have_text("1")
    await chat.get_by_test_id("dm").click()

    await expect(messages(chat).last).to_contain_text("a private word")
    await expect(chat.get_by_test_id("dm").locator(".badge")).to_have_count(0)


async def test_markup_in_names_and_texts_stays_text(chat: Page, sandbox: Sandbox) -> None:
    """Names, contents, embeds, labels and links made of markup are shown as written and make no element."""
    sandbox.world.put_user(MEMBER_ID, name=small_bot.PAYLOAD)
    await say(chat, f"{small_bot.PAYLOAD} **<b>x</b>** <javascript:alert(1)>")
    await say(chat, "!evil")
    await expect(button(chat, "<img")).to_be_visible()

    await expect(messages(chat).last.get_by_test_id("content")).to_contain_text(small_bot.PAYLOAD)
    await expect(messages(chat).first.locator(".author").first).to_have_text(small_bot.PAYLOAD)
    assert await chat.evaluate("window.broken") is None
    assert await chat.locator("body script, body iframe, img:not([src^='/chat/'])").count() == 0
    assert await chat.locator("a[href^='javascript:' i], [onerror], [onclick]").count() == 0


async def test_the_page_speaks_the_language_of_the_person(chat: Page) -> None:
    """French for a French-speaking person, at once and after a reload."""
    await chat.get_by_test_id("language").select_option("fr")
    await expect(chat.get_by_test_id("banner")).to_contain_text("bac à sable")
    await chat.reload()

    await expect(chat.get_by_test_id("banner")).to_contain_text("bac à sable")
    await expect(chat.get_by_test_id("composer")).to_have_attribute(
        "placeholder", "Envoyer un message dans #general"
    )
    await expect(chat.locator("html")).to_have_attribute("lang", "fr")


async def test_closed_direct_messages_reach_the_world(chat: Page, sandbox: Sandbox) -> None:
    """The switch is the person's own setting."""
    await chat.locator(".switch").click()
    await expect(chat.get_by_test_id("dms-open")).not_to_be_checked()
    await chat.reload()

    await expect(chat.get_by_test_id("dms-open")).not_to_be_checked()
    assert not sandbox.world.users[MEMBER_ID].dms_open


async def test_a_fault_is_switched_on_in_the_panel(chat: Page, sandbox: Sandbox) -> None:
    """The panel shows what is in force; it closes again."""
    await chat.get_by_test_id("open-panel").click()
    await chat.get_by_test_id("fault-webhooks_drop").click()

    await expect(chat.get_by_test_id("sandbox-panel")).to_contain_text("webhooks · drop")
    assert [fault["fault"] for fault in sandbox.faults.in_force()] == ["drop"]
    await chat.get_by_test_id("clear-faults").click()
    await expect(chat.get_by_test_id("sandbox-panel")).to_contain_text("Nothing is going wrong")
    assert sandbox.faults.in_force() == []
    await chat.keyboard.press("Escape")
    await expect(chat.get_by_test_id("sandbox-panel")).to_be_hidden()


async def test_an_answer_to_a_message_is_sent_as_one(chat: Page) -> None:
    """The reply button of a message makes the next one its answer."""
    await say(chat, "a question")
    await messages(chat).first.hover()
    await messages(chat).first.get_by_role("button", name="Reply").click()
    await say(chat, "an answer")

    await expect(messages(chat).last.get_by_test_id("reply-line")).to_contain_text("a question")


async def test_a_sandbox_that_does_not_answer_is_told_in_the_persons_language(
    chat: Page, complaints: list[str]
) -> None:
    """Not in the browser's own words, which are English whatever the person speaks."""
    await chat.get_by_test_id("language").select_option("fr")
    await expect(chat.locator("html")).to_have_attribute("lang", "fr")
    await chat.route("**/control/messages", lambda route: route.abort())
    await chat.get_by_test_id("composer").fill("!quota")
    await chat.get_by_test_id("send").click()

    await expect(chat.locator("#notice")).to_contain_text("Non envoyé : le bac à sable ne répond pas")
    await chat.unroute("**/control/messages")
    await chat.get_by_test_id("send").click()
    await expect(messages(chat).last).to_contain_text("!quota")
    complaints.clear()  # the failed requests that this test made


async def test_what_was_missed_while_offline_is_caught_up(
    chat: Page, context: BrowserContext, sandbox: Sandbox, complaints: list[str]
) -> None:
    """A lost connection is told, and the page comes back by itself."""
    other = await context.new_page()
    await other.goto(f"{sandbox.url}/")
    await other.wait_for_selector(READY)
    await chat.route("**/control/**", lambda route: route.abort())
    await chat.reload()
    await say(other, "said meanwhile")
    await chat.unroute("**/control/**")

    await expect(messages(chat).last).to_contain_text("said meanwhile")
    complaints.clear()  # the failed requests that this test made


async def test_the_theme_is_chosen_and_remembered(chat: Page) -> None:
    """The system's theme first, then the chosen one, also after a reload."""
    ground = "getComputedStyle(document.body).backgroundColor"
    assert await chat.evaluate(ground) == "rgb(49, 51, 56)"
    await chat.get_by_test_id("theme").click()
    assert await chat.evaluate(ground) == "rgb(255, 255, 255)"
    await chat.reload()

    assert await chat.evaluate(ground) == "rgb(255, 255, 255)"


async def test_every_text_stands_out_in_both_themes(chat: Page) -> None:
    """Contrast AA for the page with a card, a private answer and the panel open."""
    await show_card(chat)
    await button(chat, "Whisper").click()
    await expect(messages(chat)).to_have_count(3)
    await chat.get_by_test_id("open-panel").click()
    await expect(chat.get_by_test_id("fault-webhooks_drop")).to_be_visible()

    assert await chat.evaluate(FAINT_TEXTS) == []
    await chat.get_by_test_id("theme").click()
    assert await chat.evaluate(FAINT_TEXTS) == []


async def test_it_works_at_the_size_of_a_phone(browser: Browser, sandbox: Sandbox) -> None:
    """The side bar is a drawer, nothing sticks out sideways, and a room can be changed and written in."""
    window = await browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    chat = await window.new_page()
    await chat.goto(f"{sandbox.url}/")
    await chat.wait_for_selector(READY)
    await expect(chat.get_by_test_id("dm")).to_be_hidden()
    await show_card(chat)
    assert await chat.evaluate("document.querySelector('#scroller').scrollWidth") <= 360
    assert await chat.evaluate("document.documentElement.scrollWidth") == 360
    await chat.get_by_test_id("open-navigation").tap()
    await expect(chat.get_by_test_id("dm")).to_be_visible()
    await chat.get_by_test_id("dm").tap()

    await expect(chat.get_by_test_id("dm")).to_be_hidden()
    await expect(chat.get_by_test_id("composer")).to_be_in_viewport()
    await window.close()
