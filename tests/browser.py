"""A real browser for tests: headless Chromium, driven by Selenium, that sees a local file as a reader does."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

_PATIENCE = 1800.0  # seconds; for a machine that is busy with much else

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium has none for root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """One window of a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def open(self, path: Path, *, width: int = 1280, dark: bool = False, paper: bool = False) -> None:
        """Open a file in a window of this width in pixels, as a reader of light or dark pages, or of paper, does."""
        self._driver.get("about:blank")
        self._log("performance")
        self.resize(width, dark=dark, paper=paper)
        self._driver.get(path.as_uri())

    def resize(self, width: int, *, dark: bool = False, paper: bool = False) -> None:
        """Give the window another width, and its reader another wish."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        media = {"media": "print" if paper else "screen", "features": [scheme]}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def point_at(self, selector: str, *, below: int = 0) -> None:
        """Move the mouse to the middle of an element, or so many pixels below it."""
        element = self._scrolled_to(selector)
        ActionChains(self._driver).move_to_element_with_offset(element, 0, below).perform()

    def click(self, selector: str) -> None:
        """Click on an element."""
        ActionChains(self._driver).move_to_element(self._scrolled_to(selector)).click().perform()

    def tap(self, selector: str) -> None:
        """Touch an element with a finger."""
        box = self._scrolled_to(selector).rect
        left, top = self.ask("return [scrollX, scrollY]")
        place = {"x": box["x"] + box["width"] / 2 - left, "y": box["y"] + box["height"] / 2 - top}
        self._driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
        self._driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self._driver.execute_cdp_cmd("Input.synthesizeTapGesture", place)

    def press(self, key: str) -> None:
        """Press a key, by its name in Selenium."""
        ActionChains(self._driver).send_keys(getattr(Keys, key)).perform()

    def _scrolled_to(self, selector: str) -> WebElement:
        element = self._driver.find_element(By.CSS_SELECTOR, selector)
        self.ask("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        return element

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return what a piece of JavaScript returns; that it may run, the page's own may not."""
        return self._driver.execute_script(script, *arguments)

    def console(self) -> list[str]:
        """Return what the browser has complained of since it was asked last."""
        return [str(entry["message"]) for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that the page has asked for, itself first; what it holds within itself is none."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def opening_milliseconds(self) -> float:
        """Return the time from the beginning of the navigation to the end of the page's load event."""
        while not self.ask("return performance.timing.loadEventEnd"):  # the event is still at work
            time.sleep(0.01)
        script = "const t = performance.timing; return t.loadEventEnd - t.navigationStart"
        return float(self.ask(script))

    def _log(self, name: str) -> list[dict[str, Any]]:
        """Return what a log has got since it was read last."""
        return list(self._driver.get_log(name))  # type: ignore[no-untyped-call]


@contextmanager
def open_browser(directory: Path) -> Iterator[Browser]:
    """Start a browser whose profile lies in `directory`; fails the test where there is none on PATH."""
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    if binary is None:
        pytest.fail(f"a browser is needed for this test, and none of {', '.join(NAMES)} is on PATH: install chromium")
    options = Options()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={directory}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(_PATIENCE)
    driver.set_script_timeout(_PATIENCE)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
