"""Pages in the system's Chromium, headless, from `file://`: they ask for nothing and the console stays empty."""

import os
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium():
    """One browser for the tests of a file."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"there is no Chromium here (none of {', '.join(NAMES)}); `make browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program,
                                             args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@contextmanager
def shown(browser, file, part="", size=LAPTOP, **context):
    """A file as a page; part: what follows # in its address. At the end: no message, no dialog, no other request."""
    heard, asked = [], []
    with browser.new_context(viewport=size, **context) as opened:
        opened.set_default_timeout(10_000)
        page = opened.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url.partition("#")[0]))
        page.goto(f"{file.as_uri()}{part}")
        yield page
        assert heard == [] and set(asked) == {file.as_uri()}
