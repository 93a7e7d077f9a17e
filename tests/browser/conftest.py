"""One JupyterLab and one Chromium for all browser tests; a picture is kept of what fails."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from . import lab
from .tiny import tiny_notebook

FAILURES = Path(__file__).parent / "failures"
NOTEBOOKS = lab.ROOT / "notebooks"


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright, lab.launch(playwright) as opened:
        yield opened


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """JupyterLab over copies of the lessons and a small notebook with every widget."""
    folder = tmp_path_factory.mktemp("lessons")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(notebook, folder)
    tiny_notebook(folder / "tiny.ipynb")
    with lab.jupyterlab(folder) as served:
        yield served


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep a picture of the page on which a test failed."""
    report = yield
    pages = [
        value for value in getattr(item, "funcargs", {}).values() if hasattr(value, "screenshot")
    ]
    if report.failed and pages:
        FAILURES.mkdir(exist_ok=True)
        file = FAILURES / f"{item.name.replace('/', '_')}-{call.when}.png"
        pages[0].screenshot(path=file)
        report.sections.append(("screenshot", str(file)))
    return report
