"""The photographs of data/: the index tells the truth, and the splits share no picture."""

import hashlib
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.make_photographs import COLUMNS, best_size

PACK = Path(__file__).parents[1] / "data" / "photographs"
LICENCES = {"CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}
NEARLY_THE_SAME = 4  # of the 64 bits of an average hash; the closest two pictures differ in 6


def read_index(folder: Path) -> list[dict[str, str]]:
    head, *lines = (folder / "INDEX.tsv").read_text(encoding="utf-8").splitlines()
    assert head.split("\t") == COLUMNS
    return [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in lines]


def average_hash(path: Path) -> np.ndarray:
    """64 bits: which cells of an 8 × 8 grey thumbnail are brighter than their mean."""
    with Image.open(path) as image:
        cells = np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BOX), float)
    return (cells > cells.mean()).ravel()


def faults(folder: Path) -> list[str]:
    """What is wrong with a pack of photographs, one sentence each."""
    rows = read_index(folder)
    named = [row["file"] for row in rows]
    present = {path.name for path in folder.iterdir()} - {"INDEX.tsv"}
    found = [f"{name}: on disk or in the index, not both" for name in present ^ set(named)]
    if len(set(named)) < len(named):
        found.append("a file has two rows")
    for row in (row for row in rows if row["file"] in present):
        found += [f"{row['file']}: {fault}" for fault in faults_of_row(row, folder / row["file"])]
    return found + near_duplicates([folder / name for name in named if name in present])


def faults_of_row(row: dict[str, str], path: Path) -> list[str]:
    with Image.open(path) as image:
        image.load()
        right_size = image.size == (int(row["width"]), int(row["height"]))
        plain = image.mode == "RGB" and not image.info.keys() & {"icc_profile", "exif", "comment"}
    checks = {
        "another hash": hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"],
        "another size": right_size,
        "not plain RGB without metadata": plain,
        "sides are no multiples of 12": int(row["width"]) % 12 == int(row["height"]) % 12 == 0,
        "not about 1 megapixel": 0.95e6 <= int(row["width"]) * int(row["height"]) <= 1.05e6,
        "licence not allowed": row["licence"] in LICENCES,
        "unknown split": row["split"] in {"train", "val", "test"},
        "author, title or source missing": all((row["author"], row["title"], row["source"])),
    }
    return [fault for fault, good in checks.items() if not good]


def near_duplicates(paths: list[Path]) -> list[str]:
    hashes = {path.name: average_hash(path) for path in paths}
    return [
        f"{a} and {b} are nearly the same picture"
        for a, b in itertools.combinations(hashes, 2)
        if np.count_nonzero(hashes[a] != hashes[b]) <= NEARLY_THE_SAME
    ]


def test_the_pack_is_sound() -> None:
    assert faults(PACK) == []


def test_the_pack_is_small_and_split_as_the_course_needs() -> None:
    sizes = [path.stat().st_size for path in PACK.iterdir()]
    splits = [row["split"] for row in read_index(PACK)]
    assert sum(sizes) <= 14e6
    assert max(sizes) <= 5e6
    assert 12 <= len(splits) <= 25
    assert splits.count("val") >= 3
    assert splits.count("test") >= 4
    assert splits.count("train") >= len(splits) / 2


def repeat_lamp(pack: Path) -> None:
    """A brighter, re-compressed copy of a validation picture among the test pictures."""
    with Image.open(pack / "lamp.jpg") as image:
        image.point(lambda v: min(255, v + 6)).save(pack / "again.jpg", quality=80)
    row = next(row for row in read_index(pack) if row["file"] == "lamp.jpg")
    digest = hashlib.sha256((pack / "again.jpg").read_bytes()).hexdigest()
    row |= {"file": "again.jpg", "split": "test", "sha256": digest}
    with open(pack / "INDEX.tsv", "a", encoding="utf-8") as index:
        index.write("\t".join(row.values()) + "\n")


def edit_index(pack: Path, old: str, new: str) -> None:
    text = (pack / "INDEX.tsv").read_text(encoding="utf-8")
    (pack / "INDEX.tsv").write_text(text.replace(old, new, 1), encoding="utf-8")


DAMAGE = {
    "not both": lambda pack: (pack / "lamp.jpg").unlink(),
    "stray.jpg: on disk or in the index": lambda pack: (pack / "stray.jpg").touch(),
    "another hash": lambda pack: (pack / "lamp.jpg").open("ab").write(b"\0"),
    "another size": lambda pack: edit_index(pack, "\t1152\t", "\t1164\t"),
    "licence not allowed": lambda pack: edit_index(pack, "CC-BY-4.0", "CC-BY-NC-4.0"),
    "unknown split": lambda pack: edit_index(pack, "\tval\t", "\tvalid\t"),
    "nearly the same picture": repeat_lamp,
}


@pytest.mark.parametrize("fault", DAMAGE)
def test_a_broken_pack_is_found(fault: str, tmp_path: Path) -> None:
    pack = shutil.copytree(PACK, tmp_path / "pack")
    DAMAGE[fault](pack)
    assert any(fault in sentence for sentence in faults(pack))


@pytest.mark.parametrize(
    ("original", "small"),
    [((3840, 2160), (1344, 756)), ((3840, 2560), (1224, 816)), ((2160, 2880), (864, 1152))],
)
def test_the_common_shapes_lose_nothing(original: tuple[int, int], small: tuple[int, int]) -> None:
    assert best_size(*original) == small
