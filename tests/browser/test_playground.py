"""The gradient playground: a tip that is dragged moves its sliders, and so do keys."""

import pytest

from . import lab
from .drive import settle, widgets_on
from .tiny import tiny_notebook

pytestmark = pytest.mark.browser


@pytest.fixture
def root(browser, address, tmp_path_factory):
    """The widget on a page of its own."""
    folder = next(tmp_path_factory.getbasetemp().glob("lessons*"))
    cells = ["from mtsr_lib import widgets", "widgets.gradient_playground()"]
    tiny_notebook(folder / "playground.ipynb", cells)
    context, refused = lab.closed_context(browser, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    lab.open_notebook(page, address, "playground.ipynb")
    lab.run_all(page)
    yield widgets_on(page)[0]
    assert lab.errors(page) == []
    context.close()
    assert refused == []


def value(root, label: str) -> float:
    return float(root.get_by_label(label, exact=True).input_value())


def at(root, x: float, y: float) -> tuple[float, float]:
    """A place of the plane on the screen."""
    box = root.locator("img").bounding_box()
    scale = box["width"] / 860
    return box["x"] + scale * (216 + 84 * x), box["y"] + scale * (176 - 84 * y)


def drag(root, start: tuple[float, float], end: tuple[float, float]) -> None:
    page = root.page
    root.locator("img").scroll_into_view_if_needed()
    page.mouse.move(*at(root, *start))
    page.mouse.down()
    page.mouse.move(*at(root, *end), steps=5)
    page.mouse.up()
    settle(page, root)


def test_a_tip_is_dragged(root):
    settle(root.page, root)
    told = root.locator("[aria-live=polite]")
    assert told.text_content() == "Angles: sr–detail 120°. No method harms a task."
    drag(root, (-0.5, 0.87), (-1.73, 1.0))  # detail's tip to 150°, 2
    assert (value(root, "detail: angle"), value(root, "detail: length")) == (150, 2)
    assert told.text_content() == "Angles: sr–detail 150°. The mean harms sr."
    drag(root, (1.3, -0.75), (0, -1))  # color's tip, which is not there yet
    assert (value(root, "color: angle"), value(root, "color: length")) == (-30, 1.5)
    root.get_by_label("color too").check()
    settle(root.page, root)
    drag(root, (1.3, -0.75), (0, -1))
    assert (value(root, "color: angle"), value(root, "color: length")) == (-90, 1)
    drag(root, (1, 0), (1, 1))  # sr's tip stays
    assert "sr–color 90°" in told.text_content()


def test_keys_move_it(root):
    angle = root.get_by_label("detail: angle", exact=True)
    angle.focus()
    angle.press("ArrowRight")
    settle(root.page, root)
    assert value(root, "detail: angle") == 125
    assert "sr–detail 125°" in root.locator("[aria-live=polite]").text_content()
    angle.press("End")
    settle(root.page, root)
    assert "sr–detail 180°" in root.locator("[aria-live=polite]").text_content()
