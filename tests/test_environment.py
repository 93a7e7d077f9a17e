"""pyproject.toml, constraints.txt and environment.yml describe one environment."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"matplotlib-base": "matplotlib", "pytorch-cpu": "torch"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements(lines: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def constraints() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(number) for name, number in pins}


def conda() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))


def conda_requirements() -> dict[str, Requirement]:
    lines = [line for line in conda()["dependencies"] if isinstance(line, str)]
    lines = [re.sub(r"(?<![=<>])=(?!=)", "==", line) for line in lines]  # conda's one = is a prefix
    return {CONDA_NAMES.get(name, name): req for name, req in requirements(lines).items()}


NEEDED = requirements(PROJECT["dependencies"])
ALL_NEEDED = NEEDED | requirements([line for lines in EXTRAS.values() for line in lines])


@pytest.mark.parametrize("name", sorted(ALL_NEEDED))
def test_the_pinned_version_satisfies_the_package(name: str) -> None:
    assert constraints()[name] in ALL_NEEDED[name].specifier


def test_constraints_are_exact_and_without_local_versions() -> None:
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        assert re.fullmatch(r"#.*|[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line), line


def test_conda_brings_the_same_packages() -> None:
    # python, pip and the build backend are what pip has elsewhere before it installs the course
    assert set(conda_requirements()) - {"python", "pip", "hatchling"} == set(NEEDED)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_conda_and_pip_ask_for_the_same_versions(name: str) -> None:
    assert conda_requirements()[name].specifier == NEEDED[name].specifier
    assert constraints()[name] in conda_requirements()[name].specifier


def test_conda_installs_the_package_itself_and_a_python_that_it_supports() -> None:
    assert conda()["dependencies"][-1] == {"pip": ["-e ."]}
    assert conda()["channels"][0] == "conda-forge"
    python = Version(str(conda_requirements()["python"].specifier).lstrip("="))
    assert python in Requirement("python" + PROJECT["requires-python"]).specifier


def test_students_install_nothing_that_only_others_need() -> None:
    for_others = set(ALL_NEEDED) - set(NEEDED)
    assert {"nbval", "pytest", "ruff", "playwright", "nbgrader", "accelerate"} <= for_others


def test_this_environment_has_the_versions_that_were_proved() -> None:
    if not (ROOT / ".venv" / "course.json").exists():
        pytest.skip("not the environment that course.py makes")
    pins = constraints()
    for name in requirements(PROJECT["dependencies"] + EXTRAS["test"]):
        assert Version(version(name)).public == pins[name].public, name
