"""The dashboard's stop button stops a training, with the kernel free and with a cell waiting."""

import pytest

from . import lab
from .drive import settle, widgets_on
from .tiny import tiny_notebook

pytestmark = pytest.mark.browser

TRAINING = """import torch
from mtsr_lib import load_sample, widgets
from mtsr_lib.datasets import Patches, make_pair
from mtsr_lib.images import to_uint8
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import COLOR, SR
from mtsr_lib.training import fit
torch.set_num_threads(1)
photo = load_sample("astronaut")[..., :192, 96:336]
model = MultiTaskNet([SR, COLOR], channels=8, blocks=1)
adam, data = torch.optim.Adam(model.parameters()), Patches([to_uint8(photo)], [SR, COLOR], 2)
def train(history, after, stop):
    return fit(model, data, 1_000_000, adam, lambda step: 1e-3, history=history, every=50,
               after=after, stop=stop, progress=False)
board = widgets.dashboard(train, model, *make_pair(photo, 0.5, [SR, COLOR]))
board"""


@pytest.fixture
def page(browser, address, tmp_path_factory):
    """A page on which hours of training begin: page(cells) -> page, running."""
    folder = next(tmp_path_factory.getbasetemp().glob("lessons*"))
    opened = []

    def start(name: str, *cells: str):
        context, refused = lab.closed_context(browser, viewport={"width": 1100, "height": 1000})
        tiny_notebook(folder / name, [TRAINING, *cells])
        page = context.new_page()
        opened.append((context, page, refused))
        lab.open_notebook(page, address, name)
        page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.get_by_text("learning, last looked at step 50").wait_for(timeout=120_000)
        return page

    yield start
    for context, page, refused in opened:
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        context.close()
        assert refused == []


def step_of(page) -> int:
    return int(page.locator(".mtsr [role=status]").text_content().split("step ")[1])


def learnt_until(page, step: int) -> None:
    """Wait until the dashboard has looked at this step, or a later one."""
    page.wait_for_function(
        "step => Number(document.querySelector('.mtsr [role=status]').textContent"
        ".split('step ')[1]) >= step",
        arg=step,
        timeout=120_000,
    )


def test_stop_go_on_and_look_while_it_learns(page):
    page = page("learns.ipynb")
    root = widgets_on(page)[0]
    button, moment = root.get_by_role("button"), root.locator("input[type=range]")
    moment.focus()
    moment.press("Home")  # looking back does not disturb it
    page.wait_for_function(
        "() => document.querySelectorAll('.mtsr figcaption')[1].textContent == 'step 0'"
    )
    learnt_until(page, step_of(page) + 100)  # two looks later
    assert moment.input_value() == "0"
    assert root.locator("figcaption").all_text_contents()[1] == "step 0"

    button.focus()
    page.keyboard.press("Enter")
    page.get_by_text("stopped at step").wait_for(timeout=90_000)
    reached = step_of(page)
    page.wait_for_timeout(1500)
    assert step_of(page) == reached
    assert button.text_content() == "go on"
    moment.press("End")
    settle(page, root)
    assert root.locator("output").text_content() == f"step {reached}"

    button.click()
    page.get_by_text("learning").wait_for(timeout=90_000)
    learnt_until(page, reached + 1)
    button.click()
    page.get_by_text("stopped at step").wait_for(timeout=90_000)
    assert lab.errors(page) == []


def test_stop_is_heard_while_a_cell_waits_for_the_end(page):
    page = page("waits.ipynb", "history = board.finish()\nprint('ended', history.steps)")
    assert page.evaluate(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status == 'busy'"
    )
    widgets_on(page)[0].get_by_role("button").click()
    page.get_by_text("stopped at step").wait_for(timeout=120_000)
    page.set_default_timeout(60_000)
    page.wait_for_function(lab.DONE)
    lab.until_idle(page)
    reached = step_of(page)
    assert (
        page.locator(".jp-OutputArea-output pre").last.text_content().strip() == f"ended {reached}"
    )
    assert lab.errors(page) == []


def test_jupyters_own_stop_button_ends_the_wait(page):
    page = page("interrupted.ipynb", "history = board.finish()\nprint('ended', history.steps)")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    page.get_by_text("stopped at step").wait_for(timeout=120_000)
    page.set_default_timeout(60_000)
    page.wait_for_function(lab.DONE)
    lab.until_idle(page)
    assert lab.errors(page) == []
