"""The pages of runs in a real browser, from disk: they ask for nothing, fit a phone, can be read and used by keyboard.

Playwright drives the system's own Chromium; it downloads no browser.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabricated_runs import Runs
from PIL import Image

from dbexp.compare import write_comparison
from dbexp.report import write_report

pytestmark = pytest.mark.ci
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
READABLE = 4.5  # WCAG 2.2, 1.4.3 (AA): contrast of body text

# every element with words of its own that shows: its text, and the contrast of the words with what lies behind them
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgba(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*:not(script):not(style):not(title)")) {
    const words = [...element.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
    if (!words.length || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const pair = [element instanceof SVGElement ? style.fill : style.color, behind(element)].map(luminance);
    found.push([words[0].textContent.trim(), (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)]);
  }
  return found;
}"""

SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 500);
})"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with long words and many columns, small and large pictures, and one that is gone."""
    folder = tmp_path_factory.mktemp("a run") / "with spaces"
    rows = []
    for role, step in (
        ("base", 0),
        *(("step", 100 * n) for n in range(1, 8)),
        ("final", 800),
        ("class_base", 0),
        ("class", 800),
    ):
        for seed in (0, 1):
            of_class = role.startswith("class")
            file = f"samples/{step:06d}/{role} #{seed}.png"
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 64) if of_class else (640, 480), (step // 4, 90, 60 * seed)).save(folder / file)
            prompt = "a photo of a cat" if of_class else f"a photo of a ohwx cat on {'very' * 20} long water"
            rows.append(
                {"prompt": prompt, "seed": seed, "generator_seed": seed, "step": step, "role": role, "file": file}
            )
    (folder / rows[3]["file"]).unlink()
    (folder / "samples" / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "name": "a_name_" * 12,
        "subject": {"identifier": "ohwx", "class_noun": "cat"},
        "model": {"checkpoint": "/f" * 90},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "manifest.json").write_text(json.dumps({"commit": "c0ffee" * 12, "photos": {"0.png": "5" * 64}}))
    interval = {"value": 0.6, "low": 0.55, "high": 0.65, "n": 8, "covers": "sampling noise only"}
    scores = dict.fromkeys(("dino", "clip_t", "pres", "copy_rate"), interval)
    corners = {"base": {"dino": 0.4, "clip_t": 0.7, "pres": 0.5}, "copier": {"clip_t": 0.3}, "real": {"dino": 0.9}}
    summary = {
        "status": "interrupted",
        "metrics": scores,
        "at_steps": {"100": scores},
        "train": {"steps": 800},
        **corners,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "metrics.csv").write_text("step,loss\n" + "".join(f"{10 * n},{1 / n}\n" for n in range(1, 80)))
    (folder / "scores.csv").write_text("step,dino,instance_grad_norm,grad_cosine\n1,0.4,2,0.1\n2,0.5,1,-0.1\n")
    return write_report(folder, {"name": "other", "subject": {"identifier": "ohwx"}})


@pytest.fixture(scope="module")
def comparison_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of many runs: one axis has long words, there are steps on the way, a failure."""
    runs = Runs(tmp_path_factory.mktemp("many runs"))
    for seed in (0, 1):
        for weight in (0.1, 1.0, 10.0):
            for words in ("short", "long_words_" * 8):
                scores = {"dino": 0.5 + weight / 50 + seed / 90, "clip_t": 0.28, "pres": 0.5, "div_dino": 0.2}
                keys = {"prior.weight": weight, "model.checkpoint": words}
                runs.add(keys, scores, seed=seed, at_steps={50: scores | {"dino": 0.5}}, seconds=60 + weight)
    runs.add({"prior.weight": 3.0}, status="failed", message=f"ValueError: {'a_long_reason_' * 20} <b>")
    return write_comparison([runs.home], runs.home)


@pytest.fixture(scope="module", params=["run", "comparison"])
def any_file(request: pytest.FixtureRequest) -> Path:
    """Either page."""
    return Path(request.getfixturevalue({"run": "page_file", "comparison": "comparison_file"}[request.param]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.fail("there is no Chromium to open the page in: apt-get install chromium")
    with sync_playwright() as playwright:
        # a container's root may not use the sandbox; the only page that is opened is our own
        started = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Any, file: Path, *, scheme: str = "light", viewport: Any = DESK) -> tuple[Any, list[str]]:
    """A tab with the page, and what it did that it must not: errors, and requests other than for itself."""
    tab, wrongs = browser.new_context(viewport=viewport, color_scheme=scheme).new_page(), []

    def ask(request: Any) -> None:
        if request.url != file.as_uri() and not request.url.startswith("data:"):
            wrongs.append(f"request for {request.url}")

    tab.on("console", lambda message: wrongs.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: wrongs.append(str(error)))
    tab.on("request", ask)
    tab.goto(file.as_uri())
    return tab, wrongs


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_from_disk_without_error_or_request(browser: Any, any_file: Path, scheme: str) -> None:
    tab, wrongs = opened(browser, any_file, scheme=scheme)
    for summary in tab.locator("summary").all():
        summary.click()
    tab.mouse.wheel(0, 20000)
    tab.wait_for_timeout(300)
    assert tab.locator("button.shot img").count() == (21 if any_file.name == "report.html" else 72)
    assert tab.evaluate("[...document.querySelectorAll('button.shot img')].every((image) => image.naturalWidth > 1)")
    assert wrongs == []


def test_the_watch_sees_errors_and_requests(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<img src=http://127.0.0.1:9/a.png><img src=b.png><script>nonsense()</script>")
    tab, wrongs = opened(browser, tmp_path / "bad.html")
    tab.wait_for_timeout(300)
    text = " ".join(wrongs)
    assert "127.0.0.1:9/a.png" in text and "b.png" in text and "nonsense" in text


def test_the_page_itself_forbids_the_network(browser: Any, any_file: Path) -> None:
    tab, wrongs = opened(browser, any_file)
    tab.evaluate("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/a.png' }))")
    tab.wait_for_timeout(300)
    assert any("Content Security Policy" in wrong for wrong in wrongs)


@pytest.mark.parametrize("viewport", [PHONE, DESK, {"width": 320, "height": 640}])
def test_nothing_scrolls_sideways_and_nothing_jumps(browser: Any, any_file: Path, viewport: Any) -> None:
    tab, _ = opened(browser, any_file, viewport=viewport)
    assert tab.evaluate(SHIFT) < 0.01
    for summary in tab.locator("summary").all():
        summary.click()
    scroll, client = tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert scroll <= client


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK])
def test_all_words_can_be_read(browser: Any, any_file: Path, scheme: str, viewport: Any) -> None:
    tab, _ = opened(browser, any_file, scheme=scheme, viewport=viewport)
    for summary in tab.locator("summary").all():
        summary.click()
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, background[4:-1].split(","))) < 60) == (scheme == "dark")
    contrasts = tab.evaluate(CONTRASTS)
    assert len(contrasts) > 150
    assert [(words, round(contrast, 2)) for words, contrast in contrasts if contrast < READABLE] == []


def test_a_picture_opens_large_and_closes_with_escape(browser: Any, page_file: Path) -> None:
    tab, wrongs = opened(browser, page_file)
    shot, viewer = tab.locator("button.shot").nth(1), tab.locator("dialog")
    assert not viewer.is_visible()
    small = shot.bounding_box()["width"]
    shot.click()
    assert viewer.is_visible()
    assert tab.locator("#viewer-image").get_attribute("src") == shot.locator("img").get_attribute("src")
    assert tab.locator("#viewer-image").bounding_box()["width"] > 2 * small
    assert tab.locator("#viewer-title").inner_text() == shot.get_attribute("data-title")
    file = tab.evaluate("decodeURIComponent(document.getElementById('viewer-file').href)")
    assert file == f"file://{page_file.parent}/{shot.get_attribute('data-file')}"
    tab.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert shot.evaluate("(button) => document.activeElement === button")
    assert wrongs == []


def test_the_keyboard_alone_walks_through_the_pictures(browser: Any, page_file: Path) -> None:
    tab, _ = opened(browser, page_file, viewport=PHONE)
    shots, place = tab.locator("button.shot"), tab.locator("#viewer-place")
    shots.nth(0).focus()
    tab.keyboard.press("Enter")
    assert place.inner_text() == "1 of 21"
    tab.keyboard.press("ArrowRight")
    assert place.inner_text() == "2 of 21"
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    assert place.inner_text() == "21 of 21"
    assert "pixels" in (tab.locator("#viewer-image").get_attribute("class") or "")  # a small one, in whole squares
    tab.keyboard.press("Escape")
    assert shots.nth(20).evaluate("(button) => document.activeElement === button")


def test_the_scheme_can_be_chosen_and_is_kept(browser: Any, page_file: Path) -> None:
    tab, _ = opened(browser, page_file, scheme="light")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(colour)
    tab.locator("#theme").click()
    assert tab.evaluate(colour) == light
    tab.locator("#theme").click()
    dark = tab.evaluate(colour)
    assert dark != light
    tab.reload()
    assert tab.evaluate(colour) == dark
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).colorScheme") == "light"


def test_only_what_differs_can_be_shown(browser: Any, page_file: Path) -> None:
    tab, _ = opened(browser, page_file)
    changed, chosen, same = (tab.locator(f"tr.{mark}") for mark in ("changed", "chosen", "same"))
    assert (changed.count(), chosen.count(), same.count()) == (1, 2, 1)
    assert same.is_visible()
    tab.locator("#only").check()
    assert changed.is_visible() and chosen.first.is_visible() and not same.is_visible()


def test_without_scripts_the_page_is_whole(browser: Any, page_file: Path) -> None:
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto(page_file.as_uri())
    assert tab.locator(".verdict").is_visible() and tab.locator("button.shot img").first.is_visible()
    assert not tab.locator("#theme").is_visible() and not tab.locator(".copy").first.is_visible()


def column(tab: Any, number: int) -> list[str]:
    """The texts of a column of the runs that show."""
    script = "(n) => [...document.querySelectorAll('#table tbody tr')].filter((r) => r.checkVisibility())"
    return list(tab.evaluate(f"{script}.map((r) => r.cells[n]?.textContent.trim() ?? '')", number))


def test_runs_are_sorted_by_a_click_both_ways_and_what_has_no_value_stays_below(
    browser: Any, comparison_file: Path
) -> None:
    tab, wrongs = opened(browser, comparison_file)
    names = tab.evaluate("[...document.querySelectorAll('#table thead th')].map((head) => head.textContent.trim())")
    dino = names.index("DINO")
    assert len(column(tab, dino)) == 13
    button = tab.locator("#table thead button").nth(dino)
    button.click()
    found = column(tab, dino)
    assert [float(each) for each in found[:-1]] == sorted(float(each) for each in found[:-1])
    assert column(tab, names.index("status"))[-1] == "failed"
    button.focus()
    tab.keyboard.press("Enter")
    assert column(tab, dino)[:-1] == found[-2::-1] and column(tab, names.index("status"))[-1] == "failed"
    assert tab.locator("#table thead th").nth(dino).get_attribute("aria-sort") == "descending"
    assert wrongs == []


def test_runs_are_filtered_by_words_and_the_steps_on_the_way_can_be_shown(browser: Any, comparison_file: Path) -> None:
    tab, _ = opened(browser, comparison_file)
    tab.locator("#amid").check()
    assert len(column(tab, 0)) == 25
    tab.locator("#filter").fill("FAILED a_long_reason")
    assert len(column(tab, 0)) == 1 and tab.locator("#shown-count").inner_text() == "1 of 25"
    tab.locator("#filter").fill("")
    assert len(column(tab, 0)) == 25


def test_another_reference_shows_its_own_differences(browser: Any, comparison_file: Path) -> None:
    tab, _ = opened(browser, comparison_file)
    shown = tab.locator(".against:visible")
    before = shown.inner_text()
    tab.locator("#reference").select_option("1")
    assert shown.count() == 1 and shown.get_attribute("data-reference") == "1" and shown.inner_text() != before


def test_a_setting_is_lit_wherever_it_stands(browser: Any, comparison_file: Path) -> None:
    tab, _ = opened(browser, comparison_file)
    tab.locator(".names .n").nth(2).hover()
    lit = tab.locator(".lit").evaluate_all("(found) => found.map((each) => each.dataset.setting)")
    assert len(lit) > 5 and set(lit) == {"3"}


def test_a_picture_of_the_wall_opens_large(browser: Any, comparison_file: Path) -> None:
    tab, wrongs = opened(browser, comparison_file, viewport=PHONE)
    tab.locator(".wall button.shot").nth(1).click()
    assert tab.locator("dialog").is_visible() and "training seed" in tab.locator("#viewer-facts").inner_text()
    file = tab.evaluate("decodeURIComponent(document.getElementById('viewer-file').href)")
    assert Path(file.removeprefix("file://")).is_file()
    assert wrongs == []


def test_without_scripts_the_comparison_is_whole(browser: Any, comparison_file: Path) -> None:
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto(comparison_file.as_uri())
    assert tab.locator(".verdict").is_visible() and tab.locator(".against:visible").count() == 1
    assert not tab.locator("#filter").is_visible() and not tab.locator("#reference").is_visible()
