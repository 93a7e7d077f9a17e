// Drag a gradient's tip in the drawing: the sliders of its angle and its length follow, and ask.

function playground({ model, el }) {
  const cleanUp = render({ model, el });
  const { left, top, unit, width, height, tips } = model.get("plane"); // in pixels of the drawing
  const results = el.querySelector(".mtsr-results");
  const inputs = el.querySelectorAll(".mtsr-controls input, .mtsr-controls select");
  const names = model.get("controls").map((control) => control.name);
  const input = (name) => inputs[names.indexOf(name)];
  results.style.touchAction = "pan-y";
  let held = null;
  let frame = null;

  /** The pointer in the plane, y upwards; nothing before the first drawing. */
  function where(event) {
    const picture = results.querySelector("img");
    // A new drawing has another size until it is loaded; none changes its place while a tip is held.
    if (!held && picture?.naturalWidth) frame = picture.getBoundingClientRect();
    if (!frame) return null;
    const x = ((event.clientX - frame.left) / frame.width) * width;
    const y = ((event.clientY - frame.top) / frame.height) * height;
    return { x: (x - left) / unit, y: (top - y) / unit };
  }

  function tip(name) {
    const angle = (Number(input(`${name}_angle`).value) * Math.PI) / 180;
    const length = Number(input(`${name}_length`).value);
    return { x: length * Math.cos(angle), y: length * Math.sin(angle) };
  }

  /** The tip under the pointer, the nearest within half a unit. */
  function under(point) {
    if (!point) return null;
    const shown = tips.filter(({ needs }) => !needs || input(needs).checked).map(({ name }) => name);
    const far = (name) => Math.hypot(point.x - tip(name).x, point.y - tip(name).y);
    const nearest = shown.sort((a, b) => far(a) - far(b))[0];
    return far(nearest) < 0.5 ? nearest : null;
  }

  function put(slider, value) {
    slider.value = value; // the browser keeps it within the ends and on a step
    slider.dispatchEvent(new Event("input"));
  }

  results.addEventListener("pointerdown", (event) => {
    held = event.button === 0 ? under(where(event)) : null;
    if (!held) return;
    results.setPointerCapture(event.pointerId);
    input(`${held}_angle`).focus({ preventScroll: true });
    event.preventDefault();
  });
  results.addEventListener("pointermove", (event) => {
    const point = where(event);
    results.style.cursor = held || under(point) ? "grab" : "";
    if (!held || !point) return;
    put(input(`${held}_angle`), (Math.atan2(point.y, point.x) * 180) / Math.PI);
    put(input(`${held}_length`), Math.hypot(point.x, point.y));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    results.addEventListener(end, () => { held = null; });
  }
  // A finger that takes hold of a tip drags it; elsewhere it scrolls the page.
  results.addEventListener("touchstart", (event) => {
    if (under(where(event.touches[0]))) event.preventDefault();
  }, { passive: false });
  return cleanUp;
}

export default { render: playground };
