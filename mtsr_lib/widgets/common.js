// What every widget of the course uses.

/** An element with attributes (on… are listeners) and children. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** The <img> of one packed picture {label, data, width, height}. */
function image(picture, attributes = {}) {
  const node = element("img", { alt: picture.label, draggable: "false", ...attributes });
  const url = URL.createObjectURL(new Blob([picture.data]));
  node.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
  node.src = url;
  return node;
}

/** Keys pressed inside a widget are not for the notebook around it (Escape, Shift+Enter are). */
function keepKeys(node) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.addEventListener("keydown", (event) => {
    const forNotebook = event.key === "Escape" || (event.key === "Enter" && !isPlain(event));
    if (!forNotebook) event.stopPropagation();
  });
}

function isPlain(event) {
  return !(event.shiftKey || event.ctrlKey || event.altKey || event.metaKey);
}

/** A labelled <select>; calls change(index). */
function chooser(label, options, index, change) {
  const select = element("select", { "aria-label": label });
  options.forEach((text, i) => select.append(element("option", { value: i }, text)));
  select.value = index;
  select.addEventListener("change", () => change(Number(select.value)));
  return element("label", { class: "mtsr-choice" }, element("span", {}, label), select);
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
