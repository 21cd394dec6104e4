// Elements made of text alone: nothing that comes from a campaign is ever read as markup.

const HIDDEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text to show: no control, direction or invisible character, line breaks kept. */
function clean(value) {
  return String(value ?? "").replace(HIDDEN, "");
}

/** An element. `attributes`: `class`, `on…` functions, `$name` for a custom property of its style, anything else as it is. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("$")) element.style.setProperty(`--${name.slice(1)}`, value);
    else element.setAttribute(name, value === true ? "" : clean(value));
  }
  for (const child of children.flat(2))
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : clean(child));
  return element;
}

/** A name that others gave, isolated from the direction of the text around it. */
function named(text) { return el("bdi", {}, text); }
