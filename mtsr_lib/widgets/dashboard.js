// A training as it goes: a button, curves, and what the network answers at a moment of your choice.

function render({ model, el }) {
  const me = crypto.getRandomValues(new Uint32Array(1))[0]; // the same widget may be shown twice
  const tasks = model.get("tasks");
  const said = element("span", { class: "mtsr-note", role: "status" });
  const told = element("p", { class: "mtsr-note" });
  const trouble = element("p", { class: "mtsr-error", role: "alert", hidden: "" });
  const hint = element("p", { class: "mtsr-note", role: "alert", hidden: "" },
    "A cell is waiting for the end: stop it with ■ in the notebook's bar.");
  const curves = element("div", { class: "mtsr-results" });
  const pictures = element("div", { class: "mtsr-results" });
  const button = element("button", { type: "button" }, "stop");
  const moment = element("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": "moment" });
  const reached = element("output");
  const task = chooser("task", tasks, 0, look);
  let asked = null; // a button pressed, and not yet obeyed
  let question = 0; // counted, so that an equal picture is a new answer all the same

  button.addEventListener("click", () => {
    const { running, waiting } = model.get("state");
    asked = running ? "stop" : "start";
    model.send({ do: asked });
    if (running && waiting) interrupt();
    state();
  });
  moment.addEventListener("input", look);

  /** A cell that waits for the end keeps the kernel from hearing messages, but not interrupts. */
  function interrupt() {
    const kernel = model.widget_manager?.kernel;
    if (kernel?.interrupt) kernel.interrupt();
    else hint.hidden = false;
  }

  function look() {
    const chosen = tasks[Number(task.querySelector("select").value)];
    question += 1;
    el.setAttribute("aria-busy", "true");
    model.send({ do: "look", task: chosen, moment: Number(moment.value), from: `${me}-${question}` });
    describe();
  }

  function describe() {
    const { steps } = model.get("state");
    const text = `step ${steps[Number(moment.value)]}`;
    reached.textContent = text;
    moment.setAttribute("aria-valuetext", text);
  }

  function state() {
    const now = model.get("state");
    if (now.running === (asked === "start")) asked = null;
    if (!now.running) hint.hidden = true;
    moment.max = now.steps.length - 1;
    if (!el.hasAttribute("aria-busy")) { // what was asked for last stays
      moment.value = now.moment;
      task.querySelector("select").value = tasks.indexOf(now.task);
    }
    describe();
    button.textContent = now.running ? "stop" : "go on";
    button.hidden = now.done;
    button.disabled = now.done || asked !== null;
    const last = now.steps[now.steps.length - 1];
    const word = now.done ? "ended" : now.running ? "learning, last looked" : "stopped";
    said.textContent = asked === "stop" ? "stops after this step …" : `${word} at step ${last}`;
  }

  function show() {
    const answer = model.get("answer");
    if (answer.to === `${me}-${question}`) el.removeAttribute("aria-busy");
    trouble.hidden = !answer.error;
    trouble.textContent = answer.error ?? "";
    told.textContent = answer.text;
    pictures.replaceChildren(...answer.pictures.map((p) =>
      element("figure", {}, element("figcaption", {}, p.label), image(p, { class: "crisp" }))));
  }

  function draw() {
    curves.replaceChildren(image(model.get("curves")));
  }

  el.classList.add("mtsr");
  keepKeys(el);
  el.append(
    element("div", { class: "mtsr-bar", role: "group", "aria-label": "training" }, button, said),
    hint, trouble, curves,
    element("div", { class: "mtsr-bar", role: "group", "aria-label": "picture" }, task,
      element("label", { class: "mtsr-choice" }, element("span", {}, "moment"), moment, reached)),
    pictures, told,
  );
  const listeners = { state, answer: show, curves: draw };
  for (const [name, listener] of Object.entries(listeners)) {
    model.on(`change:${name}`, listener);
    listener();
  }
  return () => {
    for (const [name, listener] of Object.entries(listeners)) model.off(`change:${name}`, listener);
  };
}

export default { render };
