// Controls, and the pictures that the kernel computes for them. One question is asked at a time.

function render({ model, el }) {
  const me = crypto.getRandomValues(new Uint32Array(1))[0]; // the same widget may be shown twice
  const controls = model.get("controls").map((control, i) => ({ ...control, ...field(control, i) }));
  const status = element("p", { class: "mtsr-note", "aria-live": "polite" });
  const trouble = element("p", { class: "mtsr-error", role: "alert", hidden: "" });
  const pictures = element("div", { class: "mtsr-results" });
  let question = 0; // counted, so that equal settings give a new answer all the same
  let inFlight = false;
  let newest = null;
  let timers = [];

  function field(control, i) {
    const id = `mtsr-${me}-${i}`;
    const output = element("output", { for: id });
    let input;
    if (control.kind === "slider") {
      input = element("input", { type: "range", min: control.low, max: control.high, step: control.step });
    } else if (control.kind === "switch") {
      input = element("input", { type: "checkbox" });
    } else {
      input = element("select", {}, ...control.options.map((o, k) => element("option", { value: k }, String(o))));
    }
    input.id = id;
    input.addEventListener("input", () => {
      describe(input, output, control);
      ask();
    });
    const label = element("label", { for: id }, control.label);
    return { input, output, nodes: [label, input, output] };
  }

  function describe(input, output, control) {
    if (control.kind !== "slider") return;
    const text = `${Number(input.value)} ${control.unit}`.trim();
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  }

  function put(settings) {
    for (const { name, kind, input, output, options, ...rest } of controls) {
      if (kind === "switch") input.checked = settings[name];
      else input.value = kind === "slider" ? settings[name] : options.indexOf(settings[name]);
      describe(input, output, { kind, ...rest });
    }
  }

  function taken() {
    return Object.fromEntries(controls.map(({ name, kind, input, options }) => [name, {
      slider: () => Number(input.value), switch: () => input.checked, choice: () => options[Number(input.value)],
    }[kind]()]));
  }

  function ask() {
    newest = taken();
    if (!inFlight) next();
  }

  function next() {
    inFlight = true;
    question += 1;
    model.send({ settings: newest, from: `${me}-${question}` });
    newest = null;
    el.setAttribute("aria-busy", "true");
    timers = [
      setTimeout(() => { status.textContent = "working …"; }, 150),
      setTimeout(() => { status.textContent = "No answer yet: the kernel is busy, or was restarted; then run this cell again."; }, 8000),
    ];
  }

  function show() {
    const answer = model.get("answer");
    const mine = answer.to === `${me}-${question}`;
    if (mine || !inFlight) {
      timers.forEach(clearTimeout);
      el.removeAttribute("aria-busy");
      inFlight = false;
    }
    trouble.hidden = !answer.error;
    trouble.textContent = answer.error ?? "";
    el.classList.toggle("stale", Boolean(answer.error));
    if (!answer.error) {
      status.textContent = answer.text;
      if (!inFlight && newest === null && !mine) put(model.get("settings"));
      pictures.replaceChildren(...answer.pictures.map((p) => figure(p, answer.text)));
      layOut();
    } else status.textContent = "";
    if (!inFlight && newest !== null) next();
  }

  function figure(picture, text) {
    const node = image(picture);
    node.alt = picture.label || text || model.get("title");
    node.addEventListener("load", layOut, { once: true });
    const caption = picture.label ? [element("figcaption", {}, picture.label)] : [];
    return element("figure", {}, ...caption, node);
  }

  /** All pictures as large as the largest, on a whole number of screen pixels where they fit. */
  function layOut() {
    const images = [...pictures.querySelectorAll("img")];
    if (images.some((node) => !node.naturalWidth)) return;
    const largest = Math.max(...images.map((node) => node.naturalWidth));
    const room = el.clientWidth;
    const plot = images.length === 1 && !images[0].previousSibling; // a figure stays as it is
    const factor = plot || largest > 130 ? 1 : Math.floor(240 / largest);
    for (const node of images) {
      const width = Math.min(largest * factor, room);
      node.style.width = `${width}px`;
      node.parentNode.style.width = `${width}px`;
      node.classList.toggle("crisp", width >= node.naturalWidth);
    }
  }

  const reset = element("button", { type: "button" }, "reset");
  reset.addEventListener("click", () => {
    put(Object.fromEntries(controls.map(({ name, value }) => [name, value])));
    ask();
  });
  el.classList.add("mtsr");
  keepKeys(el);
  el.append(
    element("div", { class: "mtsr-controls", role: "group", "aria-label": model.get("title") },
      ...controls.flatMap((control) => control.nodes)),
    element("div", { class: "mtsr-bar" }, reset), trouble, pictures, status,
  );
  put(model.get("settings"));
  model.on("change:answer", show);
  show();
  const watch = new ResizeObserver(layOut);
  watch.observe(el);
  return () => {
    watch.disconnect();
    timers.forEach(clearTimeout);
    model.off("change:answer", show);
  };
}

export default { render };
