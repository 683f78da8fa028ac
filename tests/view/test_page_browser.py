"""The page in a headless Chromium: open, search, filter, read, compare, mark, save, on a phone."""

import importlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tables import published, row
from tutelage.view import static
from tutelage.view.app import app
from tutelage.view.rows import Rows

from .conftest import FOLDING

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    folder = os.environ.get("TUTELAGE_TAKERS", "")
    if folder and folder not in sys.path:
        sys.path.append(folder)
    try:
        playwright = importlib.import_module("playwright.sync_api")
    except ImportError:
        pytest.skip("playwright is not installed: see tests/exports/takers.txt")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def address(run: str) -> Iterator[str]:
    config = uvicorn.Config(app(Rows([run]), "secret"), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/?token=secret"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(20_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    page.wait_for_selector(".rows li")
    yield page
    page.close()
    assert not faults


def total(page: Any, words: str) -> None:
    page.wait_for_selector(f".total >> text='{words}'")


def test_a_person_can_search_read_and_mark(opened: Any, run: str):
    total(opened, "86 dialogues")
    opened.keyboard.press("/")
    opened.keyboard.type("off by three\n")
    total(opened, "1 dialogues")
    opened.keyboard.press("Escape")
    opened.keyboard.press("Enter")
    opened.wait_for_selector(".dialogue .message.student")
    assert "Off by three." in opened.inner_text(".dialogue")
    assert "correct: 6" in opened.inner_text(".dialogue")
    opened.click("text=show log-probabilities")
    opened.wait_for_selector(".spelled span[title='60.7 % (-0.500)']")
    opened.keyboard.press("c")
    opened.locator(".dialogue").nth(2).wait_for()
    assert opened.locator(".dialogue").count() == 3
    opened.keyboard.press("Escape")
    opened.keyboard.press("d")
    opened.wait_for_selector(".rows li.drop")
    opened.keyboard.press("s")
    opened.wait_for_selector(".notice >> text=tutelage filter")
    assert "d3-sml-0" in (Path(run) / "marks.sql").read_text("utf-8")


def test_a_click_on_a_bar_and_a_condition_filter_the_list(opened: Any):
    opened.click(".count:has-text('exhausted')")
    total(opened, "1 dialogues")
    opened.click(".count:has-text('exhausted')")
    opened.fill(".where", "outcome.solved_turn > 1")
    opened.press(".where", "Enter")
    total(opened, "2 dialogues")
    opened.fill(".where", "no such column")
    opened.press(".where", "Enter")
    opened.wait_for_selector(".fault >> text=not SQL")


def test_text_is_never_markup(opened: Any):
    opened.fill(".search", "onerror")
    opened.press(".search", "Enter")
    total(opened, "1 dialogues")
    opened.click(".row")
    opened.wait_for_selector(".message.student")
    assert "<script>document.title='owned'</script>" in opened.inner_text(".message.student")
    assert opened.title() == "Tutelage" and not opened.query_selector(".dialogue img")


def test_a_dialogue_of_five_megabytes_opens_quickly_and_in_part(opened: Any):
    opened.click(".count:has-text('a reply was cut')")
    total(opened, "1 dialogues")
    opened.click(".row")
    opened.click("text=show more of 5,000,000 characters")
    opened.wait_for_selector(".message.student >> text=word")
    shown = opened.locator(".message.student .words").first.text_content()
    assert len(shown) == 120_000


def test_arabic_runs_from_the_right(opened: Any):
    opened.fill(".search", "التفاحات")
    opened.press(".search", "Enter")
    total(opened, "1 dialogues")
    opened.click(".row")
    opened.wait_for_selector(".message.student .words")
    style = opened.eval_on_selector(".message.student .words", "e => getComputedStyle(e).direction")
    assert style == "rtl"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_in_one_file_on_a_phone(scheme: Any, browser: Any, run: str, tmp_path: Path):
    static.write([run], str(tmp_path / "page.html"), 20, "problem_id <> 'p6'")
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"file://{tmp_path}/page.html")
    page.wait_for_selector(".rows li")
    page.click(".row >> nth=0")
    page.wait_for_selector(".message")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert len(requests) == 1
    page.close()


def test_a_page_in_one_file_searches_as_the_server_does(browser: Any, tmp_path: Path):
    rows = [row(f"d{n:02d}", text=f"<{n}:{stored}>") for n, (stored, _, _) in enumerate(FOLDING)]
    static.write([str(published(tmp_path / "run", rows))], str(tmp_path / "page.html"))
    page = browser.new_page()
    page.goto(f"file://{tmp_path}/page.html")
    for n, (_, text, is_match) in enumerate(FOLDING):
        page.fill(".search", f"<{n}:{text}>")
        page.press(".search", "Enter")
        total(page, f"{int(is_match)} dialogues")
    page.close()
