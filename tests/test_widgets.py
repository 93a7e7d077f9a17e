"""Widgets without a browser: what they send and compute, how they fail, what a page shows."""

import io
import re
import statistics
import time

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from mtsr_lib import plots, widgets
from mtsr_lib.images import load_sample, sample_names
from mtsr_lib.widgets.degradation import degraded


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture
def shown(monkeypatch) -> list:
    """What was put into the notebook: (data, metadata)."""
    calls = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw, metadata: calls.append((data, metadata))
    )
    return calls


@pytest.fixture(scope="module")
def lab():
    return widgets.degradation_lab()


@pytest.fixture
def doubler():
    """An experiment with one control of each kind, and the settings it was computed with."""
    calls = []

    def compute(level, kind, dark):
        calls.append((level, kind, dark))
        if level == 3 and kind == "b":
            raise ZeroDivisionError("planted")
        value = 0.0 if dark else level / 4
        return {"flat": torch.full((1, 3, 4, 4), value)}, f"level {level}"

    made = widgets.experiment(
        compute,
        title="test",
        level=widgets.slider("level", 0, 4, 2, unit="px"),
        kind=widgets.choice("kind", ["a", "b"]),
        dark=widgets.switch("dark", False),
    )
    return made, calls


# ---------------------------------------------------------------------------- pictures


def test_a_picture_reaches_the_browser_exactly():
    values = torch.tensor([0.0, 0.25, 0.5, 1.0]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    first, second = widgets.compare(values, (values * 255).to(torch.uint8)).pictures
    assert decoded(first["data"])[..., 0].tolist() == [[0, 64], [128, 255]]  # floor(255 v + 0.5)
    assert decoded(second["data"])[..., 0].tolist() == [[0, 63], [127, 255]]
    assert (first["width"], first["height"], first["label"]) == (2, 2, "A")


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (torch.zeros(2, 3, 4, 4), r"shape \(1, 3, h, w\) or \(3, h, w\), not \(2, 3, 4, 4\)"),
        (torch.zeros(4, 4), "not (4, 4)"),
        (torch.zeros(1, 3, 0, 4), "not (1, 3, 0, 4)"),
        (torch.full((3, 4, 4), 255.0), "divide it by 255"),
        (torch.full((3, 4, 4), float("nan")), "not finite"),
        (np.zeros((3, 4, 4)), "not ndarray"),
    ],
)
@pytest.mark.parametrize("widget", [widgets.compare, widgets.magnifier])
def test_what_is_no_picture_is_said_in_one_sentence(widget, picture, sentence):
    pattern = sentence if "\\" in sentence else re.escape(sentence)
    with pytest.raises((ValueError, TypeError), match=pattern):
        widget(torch.zeros(3, 4, 4), picture)


@pytest.mark.parametrize("widget", [widgets.compare, widgets.magnifier])
def test_pictures_and_labels_must_match(widget):
    picture = torch.zeros(3, 4, 4)
    with pytest.raises(ValueError, match="two or more"):
        widget(picture)
    with pytest.raises(ValueError, match="2 pictures need as many labels, not 1"):
        widget(picture, picture, labels=["one"])


def test_a_large_photograph_is_reduced_to_be_compared_and_says_so():
    large, small = torch.rand(3, 2000, 3000), torch.rand(3, 500, 750)
    made = widgets.compare(large, small, labels=["large", "small"])
    sizes = [(p["width"], p["height"]) for p in made.pictures]
    assert sizes == [(1732, 1154), (750, 500)]
    assert made.note == "Reduced to 2 million pixels to be shown: large."


def test_a_large_photograph_is_cut_to_be_magnified_so_that_values_stay_true():
    large = torch.randint(0, 256, (3, 2000, 3000), dtype=torch.uint8)
    made = widgets.magnifier(large, large[:, ::4, ::4])
    (a, b), corner = (decoded(p["data"]) for p in made.pictures), slice(0, None)
    assert a.shape[0] * a.shape[1] <= 2_000_000
    assert a.shape[0] == 4 * b.shape[0]
    top, left = (2000 - a.shape[0]) // 2, (3000 - a.shape[1]) // 2
    rows, columns = (round(side / 4) * 4 for side in (top, left))
    window = large[:, rows : rows + a.shape[0], columns : columns + a.shape[1]]
    np.testing.assert_array_equal(a[corner], window.permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(a[::4, ::4], b)
    assert "middle" in made.note


def test_compare_shows_left_of_the_slider_the_first():
    black, white = torch.zeros(3, 8, 10), torch.full((3, 4, 5), 0.5)
    made = widgets.compare(black, white, labels=["black", "grey"])
    frames, text = made.frames(position=40)
    row = frames["black | grey"][0, :, 0]
    assert row[:3].tolist() == [0, 0, 0]
    assert row[5:].tolist() == [128] * 5
    assert text == "slider at 40 %"
    swapped, _ = made.frames(position=40, left=1, right=0)
    assert swapped["grey | black"][0, 0, 0] == 128


def test_magnifier_frames_are_the_pixels_asked_for():
    picture = torch.arange(64 * 64, dtype=torch.float32).view(1, 64, 64).expand(3, -1, -1) / 4096
    made = widgets.magnifier(picture, picture[:, ::2, ::2], labels=["large", "small"])
    frames, _ = made.frames(x=10, y=20, zoom=32)
    want = torch.floor(picture[:, 20:26, 10:16] * 255 + 0.5).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(frames["large"], want)
    assert (frames["small"][0, 0] == frames["small"][1, 1]).all()
    with pytest.raises(ValueError, match="do not lie inside 64×64"):
        made.frames(x=60, y=0, zoom=8)
    with pytest.raises(ValueError, match="2, 4, 8, 16 or 32, not 3"):
        widgets.magnifier(picture, picture, zoom=3)


# ---------------------------------------------------------------------------- experiments


def test_an_experiment_computes_at_once_and_at_every_change(doubler):
    made, calls = doubler
    assert calls == [(2, "a", False)]
    made.set(level=4)
    assert calls[-1] == (4, "a", False)
    assert made.answer["text"] == "level 4"
    assert decoded(made.answer["pictures"][0]["data"])[0, 0].tolist() == [255, 255, 255]


def test_a_sweep_moves_every_control_to_both_ends_and_back(doubler):
    made, calls = doubler
    moved = list(made.sweep())
    assert moved == [
        *[("level", 0), ("level", 4)],
        *[("kind", "a"), ("kind", "b")],
        *[("dark", False), ("dark", True)],
    ]
    assert made.settings == {"level": 2, "kind": "a", "dark": False}
    assert {(0, "a", False), (4, "a", False), (2, "b", False), (2, "a", True)} <= set(calls)


def test_an_error_is_shown_in_place_and_raised(doubler):
    made, _ = doubler
    with pytest.raises(ZeroDivisionError, match="planted"):
        made.set(level=3, kind="b")
    assert made.answer["error"] == "ZeroDivisionError: planted"
    made.set(level=3, kind="a")
    assert "error" not in made.answer


def test_a_sweep_raises_what_a_callback_raises():
    def compute(level):
        return {"x": torch.full((3, 2, 2), 1 / (4 - level))}

    made = widgets.experiment(compute, level=widgets.slider("level", 0, 4, 1))
    with pytest.raises(ZeroDivisionError):
        list(made.sweep())


def test_the_browser_is_answered_with_its_own_number(doubler):
    made, _ = doubler
    content = {"settings": {"level": 0, "kind": "a", "dark": False}, "from": 7}
    made._asked(made, content, [])
    assert made.answer["to"] == 7
    assert made.settings["level"] == 0
    with pytest.raises(ZeroDivisionError):
        made._asked(made, {"settings": {"level": 3, "kind": "b"}, "from": 8}, [])
    assert made.answer == {"to": 8, "error": "ZeroDivisionError: planted"}


def test_equal_settings_are_answered_too(doubler):
    """An answer equal to the last would not be sent, and the browser would wait."""
    made, _ = doubler
    heard = []
    made.observe(heard.append, "answer")
    for question in ("7-1", "7-2"):
        made._asked(made, {"settings": made.settings, "from": question}, [])
    assert [change["new"]["to"] for change in heard] == ["7-1", "7-2"]


@pytest.mark.parametrize("change", [{"level": 5}, {"kind": "c"}, {"other": 1}, {"level": "2"}])
def test_impossible_settings_are_refused(doubler, change):
    made, calls = doubler
    with pytest.raises(ValueError, match=r"no control 'other'|cannot be"):
        made.set(**change)
    assert len(calls) == 1


def test_controls_and_parameters_must_agree():
    with pytest.raises(TypeError, match="unexpected keyword argument 'b'"):
        widgets.experiment(lambda a: {}, a=widgets.switch("a"), b=widgets.switch("b"))


def test_an_experiment_may_plot():
    def compute(n):
        made = Figure(figsize=(2, 1), dpi=50)
        made.subplots().plot(range(int(n)))
        return made

    made = widgets.experiment(compute, n=widgets.slider("n", 1, 5, 2))
    assert decoded(made.answer["pictures"][0]["data"]).shape == (50, 100, 3)
    before = made.answer["pictures"][0]["data"]
    made.set(n=5)
    assert made.answer["pictures"][0]["data"] != before


# ---------------------------------------------------------------------------- degradation lab


def test_every_control_of_the_lab_reaches_both_ends(lab):
    first = lab.answer["text"]
    unchanged = {moved for moved in lab.sweep() if lab.answer["text"] == first}
    starts = {("scale", 2), ("antialias", True), ("sigma", 0), ("noise_sigma", 0), ("s", 0)}
    assert unchanged == starts | {("quality", 100)}
    assert lab.answer["text"] == first


def test_the_lab_tells_the_psnr_that_scikit_image_tells(lab):
    from skimage.metrics import peak_signal_noise_ratio
    from skimage.transform import resize

    lab.set(scale=2)
    told = float(re.search(r"([\d.]+) dB", lab.answer["text"])[1])
    clean = load_sample("astronaut")[0, :, :504, :504].permute(1, 2, 0).numpy()
    half = resize(clean, (252, 252), order=3, anti_aliasing=True)
    back = resize(half, (504, 504), order=3).clip(0, 1)
    assert told == pytest.approx(peak_signal_noise_ratio(clean, back), abs=1.5)


def test_the_lab_shows_the_lr_pixels_of_the_part_on_the_screen(lab):
    frames, _ = lab.frames(scale=4)
    sizes = {label.split(",")[0]: pixels.shape for label, pixels in frames.items()}
    assert sizes["photograph"] == sizes["bicubic ×4"] == (240, 240, 3)
    assert sizes["LR"] == sizes["spectrum of this LR part"] == (60, 60, 3)
    small = Image.fromarray(frames["photograph"]).resize((60, 60), Image.Resampling.BICUBIC)
    difference = np.asarray(small).astype(float) - frames["LR, its pixels enlarged"]
    inside = np.abs(difference[2:-2, 2:-2])  # Pillow rounds between its two passes
    assert inside.max() <= 4
    assert inside.mean() < 0.5


def test_without_antialiasing_fine_stripes_become_coarse_ones():
    stripes = (torch.arange(96) % 5 < 2).float().expand(1, 3, 96, 96)  # period 5, below 2 · 4
    with_it = degraded(stripes, 4)[0, 0, 12, 4:-4]
    without = degraded(stripes, 4, antialias=False)[0, 0, 12, 4:-4]
    assert with_it.std() < 0.1 < 0.3 < without.std()


@pytest.mark.parametrize("size", [(12, 12), (13, 40), (300, 250), (700, 1100)])
def test_the_lab_takes_photographs_of_any_size(size):
    made = widgets.degradation_lab(torch.rand(1, 3, *size))
    made.set(scale=3, sigma=4)
    assert "dB" in made.answer["text"]


def test_the_lab_answers_within_100_ms(lab):
    """512×512; measured on this side of the wire. Three times the goal, for a machine in use."""
    moves = [{"sigma": x / 10} for x in range(0, 41, 2)] + [{"noise_sigma": x} for x in range(20)]
    moves += [{"s": x / 20} for x in range(20)] + [{"scale": k} for k in (2, 3, 4)]
    took = []
    for move in moves:
        start = time.perf_counter()
        lab.set(**move)
        took.append(1000 * (time.perf_counter() - start))
    lab.set(**{control["name"]: control["value"] for control in lab.controls})
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"degradation_lab: median {statistics.median(took):.0f} ms, p95 {p95:.0f} ms (goal 100)")
    assert statistics.median(took) < 300


# ---------------------------------------------------------------------------- photo picker


def test_the_picker_starts_with_a_sample_and_changes():
    picker = widgets.photo_picker()
    torch.testing.assert_close(picker.photo, load_sample("astronaut"))
    for name in sample_names()[1:3]:
        picker.choose(name)
        torch.testing.assert_close(picker.photo, load_sample(name))
    assert re.match(r"\w+: \d+×\d+ pixels$", picker.said)


def test_the_picker_takes_a_path_and_an_upload_in_parts(photo_file):
    picker = widgets.photo_picker()
    picker.choose(f'"{photo_file}" ')
    assert picker.photo.shape == (1, 3, 40, 56)
    data = photo_file.read_bytes()
    picker.choose("cat")
    for part, piece in enumerate([data[:1000], data[1000:]]):
        content = {"name": "C:\\holiday.png", "part": part, "last": 1}
        picker._asked(picker, content, [memoryview(piece)])
    assert picker.photo.shape == (1, 3, 40, 56)
    assert "56×40" in picker.said


@pytest.mark.parametrize("bad", ["", "nowhere.png", ".", "text"])
def test_a_bad_file_is_one_sentence_and_the_photograph_stays(bad, tmp_path):
    picker = widgets.photo_picker()
    before = picker.photo
    if bad == "text":
        picker.receive("letter.txt", b"not a picture")
        assert picker.error.startswith("letter.txt is not a picture")
    else:
        picker.choose(bad)
    assert re.fullmatch(r".{10,200}[.]", picker.error)
    assert "tmp" not in picker.error
    torch.testing.assert_close(picker.photo, before)
    picker.choose("cat")
    assert picker.error == ""


# ---------------------------------------------------------------------------- static pages


def test_a_page_without_a_kernel_shows_a_sentence(doubler):
    picture = torch.zeros(3, 4, 4)
    made = [
        widgets.compare(picture, picture, labels=["HR", "LR"]),
        widgets.magnifier(picture, picture, labels=["HR", "LR"]),
        doubler[0],
        widgets.photo_picker(),
    ]
    for widget in made:
        text = widget._repr_mimebundle_()[0]["text/plain"]
        assert re.match(r"(Interactive|Photograph).* run this cell .*\.$", text)
        assert " at 0x" not in text
    assert "HR | LR" in repr(made[0])


def test_a_storyboard_is_one_picture_with_alternative_text(doubler, shown):
    made, _ = doubler
    widgets.storyboard(made, [{"level": 0}, {"level": 4}, {"level": 4, "dark": True}])
    ((data, metadata),) = shown
    alt = metadata["image/png"]["alt"]
    assert "level 0 px: level 0; level 4 px: level 4; level 4 px, dark: level 4" in alt
    pixels = decoded(data["image/png"])
    assert (pixels == 0).all(axis=-1).sum() > 2 * 100**2  # two of the three squares are black
    assert made.settings["level"] == 2


def test_storyboards_of_every_widget(lab, shown):
    photo = load_sample("astronaut")
    small = photo[..., ::4, ::4]
    widgets.storyboard(lab, [{"scale": 2}, {"scale": 4}, {"s": 1}], panels=["LR", "bicubic"])
    widgets.storyboard(widgets.compare(photo, small), [{"position": p} for p in (10, 50, 90)])
    widgets.storyboard(lambda: widgets.magnifier(photo, small), [{"x": 9}, {"y": 9, "zoom": 16}])
    widgets.storyboard(lab, [{"scale": 3}], panels=["spectrum"], alt="A spectrum.")
    assert shown[3][1]["image/png"]["alt"] == "A spectrum."
    for data, _ in shown:
        assert decoded(data["image/png"]).shape[1] <= plots.WIDTH
        assert len(data["image/png"]) < 400_000
    with pytest.raises(ValueError, match="no panel starts with"):
        widgets.storyboard(lab, [{"scale": 3}], panels=["none"])
    with pytest.raises(ValueError, match="give the settings"):
        widgets.storyboard(lab, [])


# ---------------------------------------------------------------------------- figures


def test_a_figure_is_stored_with_its_alternative_text_and_closed(shown):
    import matplotlib.pyplot as plt

    made, axes = plt.subplots()
    axes.plot([1, 2])
    plots.show(axes, alt="a line that rises")
    assert shown[0][1] == {"image/png": {"alt": "a line that rises"}}
    assert not plt.fignum_exists(made.number)
    with pytest.raises(ValueError, match="say in alt"):
        plots.show(made, alt=" ")


def test_pictures_are_drawn_pixel_by_pixel(shown):
    photo = load_sample("astronaut")
    crop = (64, 160, 96, 88)
    plots.pictures({"HR": photo, "LR": photo[..., ::4, ::4]}, crop=crop, zoom=4, alt="a face")
    pixels = decoded(shown[0][0]["image/png"])
    want = (photo[0, :, 64:160, 160:248] * 255).round().byte().permute(1, 2, 0).numpy()
    want = want.repeat(4, 0).repeat(4, 1)
    places = [
        (y, x)
        for y in range(10, 60)
        for x in range(20)
        if (pixels[y : y + 384, x : x + 352][[0, -1]] == want[[0, -1]]).all()
    ]
    assert len(places) == 1
    (y, x) = places[0]
    np.testing.assert_array_equal(pixels[y : y + 384, x : x + 352], want)
    with pytest.raises(ValueError, match="does not lie inside"):
        plots.pictures({"HR": photo}, crop=(500, 0, 20, 20), alt="x")


def test_wide_pictures_are_averaged_down_and_rows_never_too_wide(shown):
    checks = (torch.arange(1024)[:, None] + torch.arange(1024)).remainder(2).float()
    plots.pictures({"checks": checks.expand(3, -1, -1)}, alt="grey")
    plots.pictures({str(n): checks[:300, :300].expand(3, -1, -1) for n in range(7)}, alt="7")
    pixels = decoded(shown[0][0]["image/png"])
    assert np.abs(pixels[100:-20, 20:-20].astype(int) - 128).max() <= 1
    assert all(decoded(data["image/png"]).shape[1] <= plots.WIDTH for data, _ in shown)


def test_a_wave_is_two_points_in_its_spectrum():
    wave = 0.5 + 0.04 * torch.cos(2 * torch.pi * 8 * torch.arange(64) / 64)
    bright = plots.spectrum(wave.expand(1, 3, 64, 64))[0, 0]
    values, places = bright.flatten().topk(2)
    assert sorted(divmod(place, 64) for place in places.tolist()) == [(32, 24), (32, 40)]
    # half of the amplitude 0.04 in each point: 20 log10 0.02 = −33.98 dB on −110 … −20
    assert values[0].item() == pytest.approx((110 - 33.98) / 90, abs=0.002)


def test_curves_have_names_and_axes(shown, monkeypatch):
    drawn = []
    original = plots.png
    monkeypatch.setattr(plots, "png", lambda made: drawn.append(made) or original(made))
    series = {"sr": [3.0, 2.0, 1.0], "color": ([0, 10], [1.0, 0.5])}
    plots.curves(series, y="L1", log=True, alt="two lines that fall")
    (axes,) = drawn[0].axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["sr", "color"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("step", "L1", "log")
    assert axes.lines[1].get_xdata().tolist() == [0, 10]
    assert len({line.get_color() for line in axes.lines}) == 2
