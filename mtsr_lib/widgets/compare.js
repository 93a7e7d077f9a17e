// Two pictures behind one slider. Everything happens here: no kernel is needed once it is shown.

function render({ model, el }) {
  const pictures = model.get("pictures");
  const size = {
    width: Math.max(...pictures.map((p) => p.width)),
    height: Math.max(...pictures.map((p) => p.height)),
  };
  const chosen = [0, 1];
  let position = 50;
  let whole = true; // fitted into the column, or one picture pixel on one screen pixel

  const stage = element("div", { class: "mtsr-stage" });
  const view = element("div", { class: "mtsr-view" }, stage);
  const handle = element("div", {
    class: "mtsr-handle", role: "slider", tabindex: "0", "aria-orientation": "horizontal",
    "aria-valuemin": "0", "aria-valuemax": "100",
  });
  const tags = [element("span", { class: "mtsr-tag left" }), element("span", { class: "mtsr-tag right" })];
  let images = [];

  function showPair() {
    images = [image(pictures[chosen[0]]), image(pictures[chosen[1]])];
    chosen.forEach((k, side) => {
      tags[side].textContent = pictures[k].label;
      tags[side].title = pictures[k].label;
    });
    const [left, right] = chosen.map((k) => pictures[k].label);
    handle.setAttribute("aria-label", `Slider between ${left} on the left and ${right} on the right`);
    stage.replaceChildren(images[1], images[0], ...tags, handle);
    layOut();
    move(position);
  }

  function move(percent) {
    position = clamp(percent, 0, 100);
    images[0].style.clipPath = `inset(0 ${100 - position}% 0 0)`;
    handle.style.left = `${position}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(position)));
    const left = pictures[chosen[0]].label;
    handle.setAttribute("aria-valuetext", `${Math.round(position)} % ${left}`);
  }

  function layOut() {
    const room = Math.max(80, el.clientWidth - 8);
    const fit = Math.min(room / size.width, model.get("height") / size.height);
    const factor = whole ? (fit >= 2 ? Math.floor(fit) : fit) : 1 / window.devicePixelRatio;
    stage.style.width = `${size.width * factor}px`;
    stage.style.height = `${size.height * factor}px`;
    view.style.maxHeight = `${model.get("height") + 24}px`;
    view.classList.toggle("whole", !whole);
    images.forEach((node, side) => {
      const onScreen = size.width * factor * window.devicePixelRatio;
      node.classList.toggle("crisp", onScreen >= pictures[chosen[side]].width * 0.999);
    });
  }

  function toPointer(event) {
    const box = stage.getBoundingClientRect();
    move((100 * (event.clientX - box.left)) / box.width);
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    toPointer(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) toPointer(event);
  });

  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 1;
    const goal = {
      ArrowLeft: position - step, ArrowDown: position - step, PageDown: position - 10,
      ArrowRight: position + step, ArrowUp: position + step, PageUp: position + 10,
      Home: 0, End: 100,
    }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    move(goal);
  });

  const bar = element("div", { class: "mtsr-bar" });
  if (pictures.length > 2) {
    const labels = pictures.map((p) => p.label);
    ["left", "right"].forEach((side, i) => bar.append(chooser(side, labels, i, (k) => {
      chosen[i] = k;
      showPair();
    })));
  }
  const zoom = element("button", { type: "button", "aria-pressed": "false", title: "one picture pixel on one screen pixel" }, "1:1");
  zoom.addEventListener("click", () => {
    whole = !whole;
    zoom.setAttribute("aria-pressed", String(!whole));
    layOut();
  });
  bar.append(zoom);

  el.classList.add("mtsr");
  keepKeys(el);
  el.append(bar, view);
  if (model.get("note")) el.append(element("p", { class: "mtsr-note" }, model.get("note")));
  showPair();
  const watch = new ResizeObserver(layOut);
  watch.observe(el);
  return () => watch.disconnect();
}

export default { render };
