"""Hands for the browser tests: move every control on a page and see that something changed."""

from playwright.sync_api import Locator, Page

OUTPUT = ".jp-OutputArea-output"
AREAS = ("mtsr-stage", "mtsr-over", "noUi-base")  # where a slider can be dragged
SIGNATURE = """root => {  // pictures, canvases and words, and where things stand, as one number
    let sum = 7;
    const add = value => { sum = (sum * 31 + value) % 4294967291; };
    const sheet = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    for (const node of root.querySelectorAll('img, canvas')) {
        sheet.canvas.width = sheet.canvas.height = 64;
        if (node.width && node.height) sheet.drawImage(node, 0, 0, 64, 64);
        sheet.getImageData(0, 0, 64, 64).data.forEach(add);
        [...(node.getAttribute('style') ?? '')].forEach(letter => add(letter.charCodeAt(0)));
    }
    [...root.textContent].forEach(letter => add(letter.charCodeAt(0)));
    return sum;
}"""


def settle(page: Page, root: Locator) -> int:
    """Wait until the widget has answered and stands still; gives its signature."""
    page.wait_for_function("() => !document.querySelector('.mtsr[aria-busy]')", timeout=120_000)
    before, now = None, root.evaluate(SIGNATURE)
    while before != now:
        page.wait_for_timeout(120)
        before, now = now, root.evaluate(SIGNATURE)
    return now


def place(slider: Locator) -> str:
    """Where a slider stands, as a screen reader says it."""
    names = ("aria-valuenow", "aria-valuetext")
    return " ".join(filter(None, [slider.get_attribute(name) for name in names])) or "?"


def drive_slider(page: Page, root: Locator, slider: Locator) -> None:
    """A role=slider: by keys, then by dragging; both must move it and change the picture."""
    slider.scroll_into_view_if_needed()
    slider.focus()
    for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
        before, picture = place(slider), settle(page, root)
        slider.press(key)
        now = settle(page, root)
        assert place(slider) != before or key == "Home", f"{key} left the slider at {before}"
        assert now != picture or key == "Home", f"{key} changed nothing on the screen"
    before = place(slider)
    area = " or ".join(f"contains(@class, '{name}')" for name in AREAS)
    field = slider.locator(f"xpath=ancestor-or-self::*[{area}][1]")
    box, grip = field.bounding_box(), slider.bounding_box()
    y = grip["y"] + grip["height"] / 2
    page.mouse.move(grip["x"] + grip["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], y, steps=4)
    page.mouse.up()
    settle(page, root)
    assert place(slider) != before, f"dragging left the slider at {before}"


def drive_range(page: Page, root: Locator, field: Locator) -> None:
    """A native slider: both ends by keys must show different things."""
    field.focus()
    seen = []
    for key in ("Home", "End"):
        field.press(key)
        seen.append(settle(page, root))
    assert seen[0] != seen[1], f"{field.get_attribute('id')}: both ends look alike"


def drive_select(page: Page, root: Locator, select: Locator) -> None:
    """Every option in turn; at least two must look different."""
    seen, options = set(), select.locator("option").count()
    for k in range(options):
        select.select_option(index=k)
        seen.add(settle(page, root))
    assert len(seen) > 1 or options == 1, "every option looks alike"


def drive_switch(page: Page, root: Locator, box: Locator) -> None:
    """A check box, there and back."""
    before = settle(page, root)
    box.click()
    assert settle(page, root) != before, "the check box changes nothing"
    box.click()


def drive_button(page: Page, root: Locator, button: Locator) -> None:
    """A button must at least not break anything."""
    button.click()
    settle(page, root)


KINDS = {
    "[role=slider]:not(input)": drive_slider,
    "input[type=range]": drive_range,
    "select": drive_select,
    "input[type=checkbox]": drive_switch,
    "button:not([disabled])": drive_button,
}


def widgets_on(page: Page) -> list[Locator]:
    """The outputs that hold a widget."""
    found = page.locator(f"{OUTPUT}:has(.mtsr), {OUTPUT}:has(.jupyter-widgets)")
    return [found.nth(k) for k in range(found.count())]


def drive(page: Page, root: Locator, skip: str = "") -> int:
    """Move every control of one widget; gives how many there were."""
    moved = 0
    for kind, hand in KINDS.items():
        controls = root.locator(kind)
        for k in range(controls.count()):
            control = controls.nth(k)
            if skip and control.evaluate(
                "(node, skip) => node.labels?.[0]?.textContent == skip", skip
            ):
                continue
            hand(page, root, control)
            moved += 1
    return moved
