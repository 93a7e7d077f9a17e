// Choose a photograph: from the computer, by its path, or a sample.

const PART = 1_000_000; // bytes in one message; the server refuses much larger ones

function render({ model, el }) {
  const said = element("p", { class: "mtsr-note", "aria-live": "polite" });
  const trouble = element("p", { class: "mtsr-error", role: "alert" });
  const preview = element("div", { class: "mtsr-results" });
  const file = element("input", { type: "file", accept: "image/*" });
  const path = element("input", { type: "text", placeholder: "a picture's path", size: "28" });
  const samples = element("select", {}, element("option", { value: "" }, "choose"),
    ...model.get("samples").map((name) => element("option", { value: name }, name)));

  async function upload(chosen) {
    said.textContent = `reading ${chosen.name} …`;
    const last = Math.max(0, Math.ceil(chosen.size / PART) - 1);
    for (let part = 0; part <= last; part += 1) {
      const bytes = await chosen.slice(part * PART, (part + 1) * PART).arrayBuffer();
      model.send({ name: chosen.name, part, last }, undefined, [bytes]);
    }
  }
  const choose = (name) => {
    if (name) model.send({ choose: name });
  };
  file.addEventListener("change", () => file.files.length && upload(file.files[0]));
  path.addEventListener("change", () => choose(path.value));
  samples.addEventListener("change", () => choose(samples.value));

  function show() {
    trouble.hidden = !model.get("error");
    trouble.textContent = model.get("error");
    said.textContent = model.get("said");
    preview.replaceChildren(image(model.get("preview")));
  }

  const labelled = (text, input) => element("label", { class: "mtsr-choice" }, element("span", {}, text), input);
  el.classList.add("mtsr");
  keepKeys(el);
  el.append(element("div", { class: "mtsr-bar", role: "group", "aria-label": "photograph" },
    labelled("your picture", file), labelled("or its path", path), labelled("or a sample", samples)),
  trouble, said, preview);
  model.on("change:said change:error change:preview", show);
  show();
  return () => model.off("change:said change:error change:preview", show);
}

export default { render };
