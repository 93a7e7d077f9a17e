// The same region of several pictures, side by side. Everything happens here: no kernel is needed.

const ZOOMS = [2, 4, 8, 16, 32];

function render({ model, el }) {
  const pictures = model.get("pictures");
  const W = Math.max(...pictures.map((p) => p.width));
  const H = Math.max(...pictures.map((p) => p.height));
  const centre = { x: Math.floor(W / 2), y: Math.floor(H / 2) }; // in pixels of the largest picture
  let mark = null; // the pixel read while the pointer is over a panel
  let zoom = model.get("zoom");
  let side = 200; // of a panel, in CSS pixels

  const box = element("div", { class: "mtsr-box" });
  const over = element("div", {
    class: "mtsr-over", role: "slider", tabindex: "0", "aria-label": "Magnified region; arrow keys move it",
    "aria-valuemin": "0", "aria-valuemax": String(W - 1),
  }, image(pictures[0]), box);
  const where = element("span", { class: "mtsr-where", "aria-live": "polite" });
  const panels = pictures.map((picture) => ({ ...panelOf(picture), picture, pixels: null }));
  const row = element("div", { class: "mtsr-panels" }, ...panels.map((p) => p.node));

  function panelOf(picture) {
    const canvas = element("canvas", { role: "img" });
    const value = element("span", { class: "mtsr-value" });
    const swatch = element("span", { class: "mtsr-swatch" });
    const node = element("figure", {}, element("figcaption", { title: picture.label }, picture.label),
      canvas, element("div", { class: "mtsr-reading" }, swatch, value));
    return { node, canvas, value, swatch };
  }

  async function load(panel) {
    const bitmap = await createImageBitmap(new Blob([panel.picture.data]));
    const source = element("canvas", { width: bitmap.width, height: bitmap.height });
    const context = source.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    panel.source = source;
    panel.pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  }

  /** Left and top of the magnified region, in pixels of the largest picture. */
  function corner() {
    const span = side / zoom;
    const start = (middle, size) => size <= span
      ? (size - span) / 2 : clamp(middle + 0.5 - span / 2, 0, size - span);
    return { x: start(centre.x, W), y: start(centre.y, H), span };
  }

  function draw(panel) {
    const { canvas, picture, source } = panel;
    const { x, y, span } = corner();
    const ratio = { x: picture.width / W, y: picture.height / H };
    const dots = window.devicePixelRatio;
    canvas.width = canvas.height = Math.round(side * dots);
    canvas.style.width = canvas.style.height = `${side}px`;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.scale(dots, dots);
    context.drawImage(source, x * ratio.x, y * ratio.y, span * ratio.x, span * ratio.y, 0, 0, side, side);
    const step = { x: zoom / ratio.x, y: zoom / ratio.y }; // a pixel of this picture, on the screen
    if (step.x >= 8) grid(context, step, x * ratio.x, y * ratio.y);
    read(panel, context, step, { x: x * ratio.x, y: y * ratio.y }, ratio);
  }

  function grid(context, step, left, top) {
    context.strokeStyle = "rgb(128 128 128 / 60%)";
    context.lineWidth = 1;
    context.beginPath();
    for (let u = (Math.ceil(left) - left) * step.x; u < side; u += step.x) {
      context.moveTo(Math.round(u) + 0.5, 0);
      context.lineTo(Math.round(u) + 0.5, side);
    }
    for (let v = (Math.ceil(top) - top) * step.y; v < side; v += step.y) {
      context.moveTo(0, Math.round(v) + 0.5);
      context.lineTo(side, Math.round(v) + 0.5);
    }
    context.stroke();
  }

  function read(panel, context, step, start, ratio) {
    const at = mark ?? centre;
    const column = clamp(Math.floor((at.x + 0.5) * ratio.x), 0, panel.picture.width - 1);
    const line = clamp(Math.floor((at.y + 0.5) * ratio.y), 0, panel.picture.height - 1);
    const first = 4 * (line * panel.picture.width + column);
    const [r, g, b] = panel.pixels.slice(first, first + 3);
    panel.value.textContent = `R ${r}  G ${g}  B ${b}`;
    panel.swatch.style.background = `rgb(${r} ${g} ${b})`;
    panel.canvas.setAttribute("aria-label", `${panel.picture.label}, ${zoom} times; pixel ${column}, ${line}: red ${r}, green ${g}, blue ${b}`);
    const edges = [(column - start.x) * step.x, (line - start.y) * step.y, step.x, step.y];
    for (const [colour, width] of [["#000", 4], ["#fff", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(...edges);
    }
  }

  function update() {
    if (panels.some((panel) => panel.pixels === null)) return;
    const { x, y, span } = corner();
    Object.assign(box.style, {
      left: `${(100 * x) / W}%`, top: `${(100 * y) / H}%`,
      width: `${(100 * span) / W}%`, height: `${(100 * span) / H}%`,
    });
    const at = mark ?? centre;
    where.textContent = `column ${at.x}, row ${at.y}`;
    over.setAttribute("aria-valuenow", String(centre.x));
    over.setAttribute("aria-valuetext", `column ${centre.x}, row ${centre.y}`);
    panels.forEach(draw);
  }

  function go(x, y) {
    centre.x = clamp(Math.round(x), 0, W - 1);
    centre.y = clamp(Math.round(y), 0, H - 1);
    mark = null;
    update();
  }

  function toPointer(event) {
    const frame = over.getBoundingClientRect();
    go(((event.clientX - frame.left) / frame.width) * W - 0.5, ((event.clientY - frame.top) / frame.height) * H - 0.5);
  }
  over.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    over.focus({ preventScroll: true });
    over.setPointerCapture(event.pointerId);
    toPointer(event);
    event.preventDefault();
  });
  over.addEventListener("pointermove", (event) => {
    if (over.hasPointerCapture(event.pointerId)) toPointer(event);
  });
  over.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 1;
    const { x, y } = centre;
    const goal = {
      ArrowLeft: [x - step, y], ArrowRight: [x + step, y], ArrowUp: [x, y - step], ArrowDown: [x, y + step],
      PageUp: [x, y - 10], PageDown: [x, y + 10], Home: [0, y], End: [W - 1, y],
    }[event.key];
    if (goal) {
      event.preventDefault();
      go(...goal);
    }
  });

  for (const { canvas } of panels) {
    const pick = (event) => {
      const frame = canvas.getBoundingClientRect();
      const { x, y, span } = corner();
      mark = {
        x: clamp(Math.floor(x + ((event.clientX - frame.left) / frame.width) * span), 0, W - 1),
        y: clamp(Math.floor(y + ((event.clientY - frame.top) / frame.height) * span), 0, H - 1),
      };
      update();
    };
    canvas.addEventListener("pointerdown", pick);
    canvas.addEventListener("pointermove", pick);
  }

  function layOut() {
    const room = el.clientWidth;
    const beside = Math.max(1, Math.min(panels.length, Math.floor(room / 150)));
    side = Math.floor(clamp(room / beside - 10, 100, 240));
    const fit = Math.min(room / W, 260 / H);
    over.style.width = `${W * fit}px`;
    over.style.height = `${H * fit}px`;
    over.firstChild.classList.toggle("crisp", fit * window.devicePixelRatio > 1);
    update();
  }

  const choice = chooser("zoom", ZOOMS.map((z) => `${z}×`), Math.max(0, ZOOMS.indexOf(zoom)), (k) => {
    zoom = ZOOMS[k];
    update();
  });
  el.classList.add("mtsr");
  keepKeys(el);
  el.append(element("div", { class: "mtsr-bar" }, choice, where), over, row);
  if (model.get("note")) el.append(element("p", { class: "mtsr-note" }, model.get("note")));
  const watch = new ResizeObserver(layOut);
  Promise.all(panels.map(load)).then(() => watch.observe(el));
  return () => watch.disconnect();
}

export default { render };
