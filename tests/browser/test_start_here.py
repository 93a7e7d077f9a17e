"""Lesson 00 as a new student meets it: run all, upload a photograph, see it restored three ways."""

import base64
import io

import psutil
import pytest
from PIL import Image

from mtsr_lib.degrade import downscale, enlarge
from mtsr_lib.images import load_image, load_sample, quantize, save_image
from mtsr_lib.metrics import psnr

from . import lab
from .drive import drive_slider, place, settle, widgets_on

pytestmark = pytest.mark.browser
LESSON = "00_start_here.ipynb"
MINUTES = 5  # from opening the lesson to three restorations of one's own
BELOW = """() => {  // as the lesson asks: the cell below the picker, and all cells after it
    const content = jupyterapp.shell.currentWidget.content;
    const sources = content.widgets.map(cell => cell.model.sharedModel.source);
    content.activeCellIndex = sources.findIndex(text => text.startsWith('photo = picker.photo'));
    return jupyterapp.commands.execute('notebook:run-all-below');
}"""
PRINTED = """start => {
    const cells = jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells;
    const cell = cells.find(cell => cell.source.includes(start));
    return cell.outputs.map(output => [output.text ?? ''].flat().join('')).join('');
}"""

SAVED = """async url => {
    const answer = await fetch(url);
    return answer.ok ? (await answer.json()).content : '';
}"""


def seconds() -> float:
    """CPU seconds of browser, server and kernels so far: another program's load counts less."""
    family = psutil.Process().children(recursive=True)
    return sum(sum(each.cpu_times()[:2]) for each in family)


@pytest.fixture
def page(browser, address):
    context, refused = lab.closed_context(browser, viewport={"width": 1100, "height": 900})
    yield context.new_page()
    context.close()
    assert refused == []


@pytest.fixture
def mine(tmp_path):
    """A small photograph of one's own, 320×240, and its file."""
    picture = quantize(load_sample("coffee")[..., 60:300, 120:440])
    save_image(picture, tmp_path / "mine.png")
    return picture, tmp_path / "mine.png"


def upload(page, root, file) -> None:
    """Through the file chooser, as a student does it."""
    with page.expect_file_chooser() as chooser:
        root.locator("input[type=file]").click()
    chooser.value.set_files(file)
    root.get_by_text("mine.png: 320×240 pixels").wait_for()


def shown(page, root, name: str) -> Image.Image:
    """What stands on the screen with `name` on both sides of the slider."""
    for side in (0, 1):
        root.locator("select").nth(side).select_option(label=name)
    settle(page, root)
    root.locator(".mtsr-stage").scroll_into_view_if_needed()
    return Image.open(io.BytesIO(root.locator(".mtsr-stage").screenshot())).convert("RGB")


def result(page, address: str, name: str, file):
    """One of the files that the lesson has saved."""
    answer = page.evaluate(SAVED, f"{address}/api/contents/my_results/{name}.png?format=base64")
    assert answer, f"my_results/{name}.png was not saved"
    file.write_bytes(base64.b64decode(answer))
    return load_image(file)


def test_a_photograph_of_ones_own_is_restored_three_ways(page, address, mine, tmp_path):
    picture, file = mine
    page.goto(address)
    began = seconds()
    lab.open_notebook(page, address, LESSON)
    assert lab.run_all(page, timeout_s=600) == []
    picker, slider = widgets_on(page)[:2]
    sample = shown(page, slider, "sr").tobytes()

    upload(page, picker, file)
    page.evaluate(BELOW)
    lab.until_idle(page)
    assert lab.errors(page) == []
    assert page.evaluate(PRINTED, "photo = picker.photo") == "320×240 pixels\n"
    pictures = {name: shown(page, slider, name) for name in ("bicubic", "sr", "detail", "color")}
    assert len({p.tobytes() for p in pictures.values()}) == 4, "two restorations look alike"
    assert pictures["sr"].tobytes() != sample, "the slider still shows the sample"
    assert 5 < seconds() - began < 60 * MINUTES

    slider.locator("select").first.select_option(label="bicubic")
    drive_slider(page, slider, slider.locator("[role=slider]"))
    assert place(slider.locator("[role=slider]")).startswith("30")
    restored = {n: result(page, address, n, tmp_path / "r.png") for n in ("sr", "detail", "color")}
    assert all(y.shape == picture.shape for y in restored.values())
    bicubic = quantize(enlarge(quantize(downscale(picture, 2)), 2))
    assert psnr(restored["sr"], picture) > psnr(bicubic, picture) + 0.5
