"""JupyterLab in a temporary folder and a headless Chromium; nothing leaves the machine."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

ROOT = Path(__file__).parents[2]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
SETTINGS = {  # no news, no update check; every cell in the page, so that it can be looked at
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def find_chromium() -> str:
    """The browser named by MTSR_CHROMIUM, else the system's Chromium."""
    named = os.environ.get("MTSR_CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found or not Path(found).exists():
        raise RuntimeError(
            "browser tests need Chromium: apt-get install chromium, or name it in MTSR_CHROMIUM."
        )
    return found


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free port with settings of its own; gives the address."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as private:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        process = subprocess.Popen(
            _command(folder, port), env=_environment(Path(private)), cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api", process)
            yield address
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _command(folder: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--port={port}", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", "--expose-app-in-browser"),
    ]


def _environment(private: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter is read or written."""
    for name, values in SETTINGS.items():
        file = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    names = ["LAB_SETTINGS_DIR", "LAB_WORKSPACES_DIR", "_CONFIG_DIR", "_DATA_DIR", "_RUNTIME_DIR"]
    folders = {f"JUPYTER{name}": private / name.lower().strip("_") for name in names}
    folders["JUPYTERLAB_SETTINGS_DIR"] = private / "settings"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    own = {name: str(folder) for name, folder in folders.items()}
    return {**os.environ, **own, "IPYTHONDIR": str(private / "ipython"), "PYTHONPATH": path}


def _wait_for(address: str, process: subprocess.Popen, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(
                "JupyterLab stopped before it answered; start it by hand to see why."
            )
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not answer within {seconds:g} s.")


def closed_context(browser: Browser, **options) -> tuple[BrowserContext, list[str]]:
    """A browser context that lets no request leave the machine, and the list of those refused."""
    context, refused = browser.new_context(**options), []

    def gate(route) -> None:
        parts = urlparse(route.request.url)
        if parts.scheme in {"data", "blob"} or parts.hostname in {"127.0.0.1", "localhost"}:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    context.route("**/*", gate)
    return context, refused


def open_notebook(page: Page, address: str, name: str, theme: str = "light") -> None:
    """Open one notebook, without the side bars, and wait until its kernel is connected and idle."""
    page.goto(f"{address}/lab/tree/{name}?reset", wait_until="domcontentloaded")
    page.wait_for_function(
        "() => window.jupyterapp?.shell?.currentWidget?.sessionContext", timeout=180_000
    )
    page.evaluate("() => window.jupyterapp.restored")
    page.evaluate(
        "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    until_idle(page)


def run_all(page: Page, timeout_s: float = 600) -> list[str]:
    """Run every cell, wait until the kernel is idle and the pictures are there; gives errors."""
    page.set_default_timeout(1000 * timeout_s)
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(DONE)
    until_idle(page)
    page.wait_for_function("() => [...document.images].every(i => i.complete)")
    page.set_default_timeout(60_000)
    return errors(page)


IDLE = """() => {
    const context = jupyterapp.shell.currentWidget.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus == 'connected' && kernel.status == 'idle';
}"""
# after an error that is meant, "run all" returns at once, while the kernel goes on
DONE = """() => {
    const notebook = jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON();
    const cells = notebook.cells.filter(c => c.cell_type == 'code' && String(c.source).trim());
    const meant = cell => cell.metadata?.tags?.includes('raises-exception');
    const wrong = cell => !meant(cell) && cell.outputs.some(o => o.output_type == 'error');
    return cells.some(wrong) || cells.every(cell => cell.execution_count);
}"""
ERRORS = """() => {
    const notebook = jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON();
    const meant = cell => cell.metadata?.tags?.includes('raises-exception');
    const outputs = notebook.cells.flatMap(cell => meant(cell) ? [] : cell.outputs ?? []);
    const failed = outputs.filter(output => output.output_type == 'error');
    const stored = failed.map(error => `${error.ename}: ${error.evalue}`);
    const places = '.mtsr-error:not([hidden]), .jupyter-widgets-error-widget';
    return [...stored, ...[...document.querySelectorAll(places)].map(node => node.textContent)];
}"""
TO_THE_TOP = """() => {
    const areas = document.querySelectorAll('.jp-Notebook, .jp-Notebook .jp-WindowedPanel-outer');
    areas.forEach(area => { area.scrollTop = 0; });
}"""
HEIGHT = """() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
    return 250 + cells.reduce((sum, cell) => sum + cell.offsetHeight, 0);
}"""


def until_idle(page: Page) -> None:
    page.wait_for_function(IDLE, timeout=180_000)


def errors(page: Page) -> list[str]:
    """Error outputs of the cells, and errors shown inside widgets."""
    return page.evaluate(ERRORS)


def whole_page(page: Page, file: Path) -> None:
    """A screenshot of the whole notebook, not only of the part in the window."""
    size, height = page.viewport_size, min(16_000, page.evaluate(HEIGHT))
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
    page.evaluate(TO_THE_TOP)
    page.wait_for_timeout(700)
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file)
    page.set_viewport_size(size)
