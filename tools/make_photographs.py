"""Make data/photographs and its INDEX.tsv from the originals in Debian's wallpaper packages.

Unpack the packages named in PHOTOS (`apt-get download NAME`, `dpkg -x FILE.deb FOLDER`), then:

    pip install pillow-jxl-plugin        # the Budgie pictures are JPEG XL
    python tools/make_photographs.py FOLDER

Authors and licences are those of each package's debian/copyright. budgie-backgrounds is CC0 as a
whole and names no author per file there; those come from the requests that added the pictures to
its public repository. Another version of libjpeg may write a few other bytes, so other hashes.
"""

import hashlib
import io
import sys
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

# One picture a line: name | split | licence | author | title | file of the package
PHOTOS = {
    "Debian lomiri-wallpapers-16.04 20.04.0-2": """
brushes | train | CC-BY-4.0 | Trevor "Freespace" | Picture 1A | Picture_1A_by_freespace.jpg
fig | train | CC-BY-4.0 | Trevor "Freespace" | Picture 0B | Picture_0B_by_freespace.jpg
dogs | train | CC-BY-4.0 | Aitzol Berasategi | Friends | friends_by_Aitzol_Berasategi.jpg
stream | train | CC-BY-4.0 | Aitzol Berasategi | Life | life_by_Aitzol_Berasategi.jpg
mountains | train | CC-BY-4.0 | Aitzol Berasategi | Picos de Europa | picosdeeuropa_by_Aitzol_Berasategi.jpg
dandelions | train | CC0-1.0 | Clemens Engelhardt | Seeding | seeding_by_Clements_Engelhardt.jpg
drum | train | CC-BY-4.0 | Jakub Mede | Wine | Wine_by_Jakkub_Mede.jpg
bridge | val | CC-BY-SA-4.0 | Sander Klootwijk | Bridge | Bridge_by_Sander_Klootwijk.jpg
lamp | val | CC-BY-SA-4.0 | Peter Nerlich | Free | free_by_Peter_Nerlich.jpg
dragonfly | val | CC-BY-SA-4.0 | Bolly | Dragonfly | Dragonfly_by_Bolly.jpg
wall_clock | test | CC-BY-SA-4.0 | Peter Nerlich | Greentock | greentock_by_Peter_Nerlich.jpg
sunset | test | CC-BY-4.0 | Aitzol Berasategi | Sunset | sunset_by_Aitzol_Berasategi.jpg
""",  # noqa: E501
    "Debian lomiri-wallpapers-20.04 20.04.0-2": """
nuthatch | test | CC-BY-SA-3.0 | Lukas Baubkus | Kleiber | Kleiber_by_Lukas_Baubkus.jpg
""",
    "Debian budgie-backgrounds 4.2-1": """
rooftops | train | CC0-1.0 | Matthew Landers | Beacon Street Sunset | beacon-street-sunset.jxl
otters | train | CC0-1.0 | Derrick Coetzee | Oakland Zoo Otters | oakland-zoo-otters.jxl
colosseum | train | CC0-1.0 | Bence Boros | Roman Colosseum | roman-colosseum.jxl
skyline | train | CC0-1.0 | Romain Guy | Singaporean Cityscape | singaporean-cityscape.jxl
spices | train | CC0-1.0 | Julius Enriquez | The Spices of Life | the-spices-of-life.jxl
spiral | train | CC0-1.0 | Samuel Zeller | Abstract Spiral | abstract-spiral.jxl
tea_gardens | train | CC0-1.0 | Vivek Kumar | Amidst the Tea Gardens | tea-gardens.jxl
osprey | train | CC0-1.0 | U.S. National Park Service | Perched Osprey | perched-osprey.jxl
heron | val | CC0-1.0 | Campbell Jones | Pondering Heron | pondering-heron.jxl
anhinga | test | CC0-1.0 | Campbell Jones | Sunning Anhinga | sunning-anhinga.jxl
periwinkle | test | CC0-1.0 | Noah Silliman | Blue Periwinkle | blue-periwinkle.jxl
""",
}
COLUMNS = ["file", "width", "height", "split", "licence", "author", "title", "source", "sha256"]


def to_srgb(image: Image.Image) -> Image.Image:
    """Upright RGB picture in sRGB; an embedded colour profile is converted, not dropped."""
    profile, image = image.info.get("icc_profile"), ImageOps.exif_transpose(image).convert("RGB")
    if not profile:
        return image
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))


def best_size(width: int, height: int) -> tuple[int, int]:
    """Sides that are multiples of 12 (×2, ×3 and ×4 divide them), about 1 megapixel, least crop."""
    sides = range(600, 1500, 12)
    sizes = [(w, h) for w in sides for h in sides if 0.95e6 <= w * h <= 1.05e6]
    return min(sizes, key=lambda s: (round(cropped(width / height, *s), 4), abs(s[0] * s[1] - 1e6)))


def cropped(aspect: float, width: int, height: int) -> float:
    """The share of a picture of that aspect that is cut away to get width × height."""
    ratio = aspect * height / width
    return 1 - min(ratio, 1 / ratio)


def reduce(image: Image.Image) -> Image.Image:
    """Centre crop and antialiased Lanczos reduction, in one step."""
    width, height = best_size(*image.size)
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
    box = (left, top, left + scale * width, top + scale * height)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=None)


def make(line: str, package: str, originals: Path, folder: Path) -> list[str]:
    """Write the picture of one line of PHOTOS and return its row of INDEX.tsv."""
    name, split, licence, author, title, original = line.split(" | ")
    path = folder / f"{name}.jpg"
    with Image.open(next(originals.rglob(original))) as image:
        small = reduce(to_srgb(image))
    small.info.clear()  # no metadata
    small.save(path, quality=97, subsampling="4:4:4", optimize=True)
    sides = [str(small.width), str(small.height)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return [path.name, *sides, split, licence, author, title, f"{package}, {original}", digest]


def main() -> None:
    import pillow_jxl  # noqa: F401  (teaches Pillow to read JPEG XL; the tests do without)

    originals, folder = Path(sys.argv[1]), Path(__file__).parents[1] / "data" / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [(line, package) for package, text in PHOTOS.items() for line in text.split("\n")[1:-1]]
    rows = [COLUMNS, *(make(line, package, originals, folder) for line, package in lines)]
    text = "".join("\t".join(row) + "\n" for row in rows)
    (folder / "INDEX.tsv").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
