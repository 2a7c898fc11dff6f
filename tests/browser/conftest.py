"""
What the tests in a real browser share: the Chromium of this machine, and a page that tolerates no error.

Chromium is started once, so everything here lives in the session's event loop; a test file that uses it carries
`pytest.mark.asyncio(loop_scope="session")`, and its own async fixtures take `loop_scope="session"` too.
"""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",  # which is small in many containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000  # what comes is there long before on any machine
START_MS = 180_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return where Chromium is; without one the test is skipped, or fails when `CI` says that it must run."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        message = (
            f"no Chromium: install {' or '.join(NAMES)} (apt install chromium), or set CHROMIUM to its path"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """Return a running headless Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium_path, args=list(ARGUMENTS), timeout=START_MS
        )
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Return a browser window of a desktop's size, in English, where animations are quick."""
    window = await browser.new_context(
        viewport={"width": 1280, "height": 860},
        locale="en-US",
        timezone_id="UTC",
        color_scheme="dark",
        reduced_motion="reduce",
    )
    window.set_default_timeout(PATIENCE_MS)
    yield window
    await window.close()


@pytest.fixture
def complaints() -> list[str]:
    """Return the list of what the page's console complained about; a test may clear what it provoked."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, complaints: list[str]) -> AsyncIterator[Page]:
    """Return an empty tab; an error in its console fails the test."""
    tab = await context.new_page()

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    tab.on("console", note)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab

    assert complaints == []
