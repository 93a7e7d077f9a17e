"""Pictures of notebooks as JupyterLab shows them after a run, in the light and the dark theme.

python tools/screenshots.py FOLDER NOTEBOOK... [--width 1100] [--theme light]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
import lab


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("notebooks", type=Path, nargs="+")
    arguments.add_argument("--width", type=int, default=1100)
    arguments.add_argument("--theme", choices=lab.THEMES, action="append")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        for notebook in given.notebooks:
            shutil.copy(notebook, work)
        with lab.jupyterlab(Path(work)) as address, lab.launch(playwright) as browser:
            for notebook in given.notebooks:
                for theme in given.theme or lab.THEMES:
                    take(browser, address, notebook, theme, given)


def take(browser, address: str, notebook: Path, theme: str, given: argparse.Namespace) -> None:
    context, _ = lab.closed_context(browser, viewport={"width": given.width, "height": 900})
    page = context.new_page()
    lab.open_notebook(page, address, notebook.name, theme)
    for error in lab.run_all(page):
        print(f"{notebook.name}: {error}")
    file = given.folder / f"{notebook.stem}-{theme}.png"
    lab.whole_page(page, file)
    print(file)
    context.close()


if __name__ == "__main__":
    main()
