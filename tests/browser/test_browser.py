"""Lessons and widgets in a real browser, as a student meets them; no request leaves the machine."""

import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from mtsr_lib.images import load_sample

from . import lab
from .conftest import NOTEBOOKS
from .drive import drive, place, settle, widgets_on
from .tiny import tiny_notebook

pytestmark = pytest.mark.browser


def has_widgets(path) -> bool:
    """A lesson whose cells say so."""
    cells = nbformat.read(path, as_version=4).cells
    return any("widget" in cell.metadata.get("tags", []) for cell in cells)


LESSONS = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb") if has_widgets(path))


@pytest.fixture
def visit(browser, address):
    """Open a notebook and run it: visit(name) -> page; nothing may leave the machine meanwhile."""
    opened = []

    def go(name: str, allowed: bool = False, **options):
        context, refused = lab.closed_context(browser, **options)
        opened.append((context, [] if allowed else refused))
        page = context.new_page()
        lab.open_notebook(page, address, name)
        return page, lab.run_all(page), refused

    yield go
    for context, refused in opened:
        context.close()
        assert refused == []


@pytest.fixture(scope="module")
def page(browser, address):
    """The small notebook with every widget, run once."""
    context, refused = lab.closed_context(
        browser, viewport={"width": 1100, "height": 900}, has_touch=True
    )
    opened = context.new_page()
    lab.open_notebook(opened, address, "tiny.ipynb")
    assert lab.run_all(opened) == []
    yield opened
    context.close()
    assert refused == []


def widget(page, number: int):
    return widgets_on(page)[number]


COMPARE, MAGNIFIER, LAB, SLOW, PICKER, INTERACTIVE = range(6)


@pytest.mark.parametrize("name", LESSONS)
def test_every_widget_of_a_lesson_answers(visit, name, request):
    page, errors, _ = visit(name)
    request.node.funcargs["page"] = page  # for the picture of a failure
    assert errors == []
    roots = widgets_on(page)
    assert roots, "the lesson shows no widget"
    for root in roots:
        assert drive(page, root) > 0
    assert lab.errors(page) == []


@pytest.mark.parametrize("number", [COMPARE, MAGNIFIER, LAB, SLOW, INTERACTIVE])
def test_every_control_changes_something(page, number):
    skip = "fail" if number == SLOW else ""
    assert drive(page, widget(page, number), skip) > 0
    assert lab.errors(page) == []


def test_compare_moves_by_touch_and_shows_the_right_pixels(page):
    root = widget(page, COMPARE)
    root.locator("select").first.select_option(label="HR")
    root.locator("select").last.select_option(label="negative")
    stage = root.locator(".mtsr-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.touchscreen.tap(box["x"] + 0.25 * box["width"], box["y"] + 10)
    assert place(root.locator("[role=slider]")).startswith("25 ")
    settle(page, root)
    pixels = np.asarray(Image.open(io.BytesIO(stage.screenshot())).convert("RGB")).astype(int)
    y, x = pixels.shape[0] // 5, pixels.shape[1]
    photo = (load_sample("astronaut")[0, :, :192, 96:336] * 255).permute(1, 2, 0).numpy()
    middle = round(192 * (y + 0.5) / pixels.shape[0] - 0.5)
    ratio = 240 / x
    for u, want in [(0.1, lambda v: v), (0.6, lambda v: 255 - v), (0.9, lambda v: 255 - v)]:
        column = int(u * x)
        place_in_photo = int(
            (column + 0.5) * ratio
        )  # and its neighbours: rounding may differ by one
        near = want(photo[middle - 1 : middle + 2, place_in_photo - 1 : place_in_photo + 2])
        seen, low, high = pixels[y, column], near.min((0, 1)), near.max((0, 1))
        assert (seen > low - 12).all(), (u, seen, low)
        assert (seen < high + 12).all(), (u, seen, high)


def test_the_magnifier_reads_true_values(page):
    root = widget(page, MAGNIFIER)
    over = root.locator("[role=slider]")
    over.press("Home")
    for _ in range(3):
        over.press("ArrowRight")
    settle(page, root)
    column, row = _column_and_row(place(over))
    assert column == 3
    photo = (load_sample("astronaut")[0, :, :192, 96:336] * 255).round().int()
    r, g, b = photo[:, row, column].tolist()
    assert root.locator(".mtsr-value").first.text_content() == f"R {r}  G {g}  B {b}"
    r, g, b = photo[:, ::4, ::4][:, row // 4, column // 4].tolist()
    assert root.locator(".mtsr-value").last.text_content() == f"R {r}  G {g}  B {b}"


def test_one_computation_at_a_time_and_the_newest_wins(page):
    root = widget(page, SLOW)
    settle(page, root)
    field = root.locator("input[type=range]")
    calls = lambda: int(root.locator("p[aria-live]").text_content().split("call ")[1])  # noqa: E731
    before = calls()
    field.evaluate("""field => {
        for (let value = 1; value <= 40; value += 1) {
            field.value = value;
            field.dispatchEvent(new Event('input', {bubbles: true}));
        }
    }""")
    settle(page, root)
    assert root.locator("p[aria-live]").text_content().startswith("level 40,")
    assert calls() - before == 2  # the first of the forty and the last


def test_an_error_is_shown_in_place_and_found(page):
    root = widget(page, SLOW)
    root.locator("input[type=checkbox]").click()
    settle(page, root)
    assert lab.errors(page) == ["ZeroDivisionError: planted"]
    root.get_by_role("button", name="reset").click()
    settle(page, root)
    assert lab.errors(page) == []
    assert root.locator("input[type=range]").input_value() == "50"


def test_a_photograph_larger_than_a_message_is_uploaded(page):
    root = widget(page, PICKER)
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(noise).save(file, "PNG", compress_level=0)
        large = file.getvalue()
    assert len(large) > 10 * 2**20  # what the server takes in one message
    upload = root.locator("input[type=file]")
    upload.set_input_files({"name": "large.png", "mimeType": "image/png", "buffer": large})
    root.get_by_text("large.png: 2000×2000 pixels").wait_for(timeout=120_000)
    upload.set_input_files({"name": "bad.png", "mimeType": "image/png", "buffer": b"no"})
    root.get_by_text("bad.png is not a picture").wait_for()
    root.locator("select").select_option("cat")
    root.get_by_text("cat: 451×300 pixels").wait_for()
    assert lab.errors(page) == []


def test_keys_stay_in_the_widget(page):
    cells = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    active = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
    before = page.evaluate(cells)
    handle = widget(page, COMPARE).locator("[role=slider]")
    handle.click()
    where = page.evaluate(active)
    for key in ("ArrowDown", "ArrowUp", "a", "b", "x", "j", "k"):
        handle.press(key)
    assert page.evaluate(cells) == before
    assert page.evaluate(active) == where


def test_everything_has_a_name_for_a_screen_reader(page):
    nameless = page.evaluate("""() => {
        const kinds = ['[role=slider]', 'select', 'input', 'button', 'img', 'canvas'];
        const named = node => node.getAttribute('aria-label') || node.alt
            || node.labels?.[0]?.textContent || (node.tagName == 'BUTTON' && node.textContent);
        const nodes = document.querySelectorAll(kinds.map(kind => `.mtsr ${kind}`).join());
        return [...nodes].filter(node => !named(node)).map(node => node.outerHTML);
    }""")
    assert nameless == []


def test_a_narrow_column_holds_every_widget(page):
    size = page.viewport_size
    page.set_viewport_size({"width": 480, "height": 900})
    page.wait_for_timeout(500)
    wide = page.evaluate("""() => [...document.querySelectorAll('.mtsr')].flatMap(root =>
        [root, ...root.querySelectorAll('*')].filter(node =>
            !node.closest('.mtsr-stage, .mtsr-over, .mtsr-sight, option') && node.offsetWidth &&
            node.getBoundingClientRect().right > root.parentNode.getBoundingClientRect().right + 1)
        .map(node => node.outerHTML.slice(0, 120)))""")
    page.set_viewport_size(size)
    assert wide == []


def test_pictures_move_without_a_kernel(page):
    """Last in this file: it stops the kernel."""
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    for number in (COMPARE, MAGNIFIER):
        slider = widget(page, number).locator("[role=slider]")
        slider.press("Home")
        before = place(slider)
        slider.press("ArrowRight")
        assert place(slider) != before


def test_a_request_that_would_leave_the_machine_is_caught(visit, address, tmp_path_factory):
    """The gate itself: a picture from elsewhere is refused and recorded."""
    folder = next(tmp_path_factory.getbasetemp().glob("lessons*"))
    cell = "from IPython.display import HTML\nHTML('<img src=\"http://example.invalid/x.png\">')"
    tiny_notebook(folder / "leak.ipynb", [cell])
    _, errors, refused = visit("leak.ipynb", allowed=True)
    assert errors == []
    assert set(refused) == {"http://example.invalid/x.png"}


def _column_and_row(said: str) -> tuple[int, int]:
    """'3 column 3, row 96' to (3, 96)."""
    words = said.replace(",", "").split()
    return int(words[2]), int(words[4])
