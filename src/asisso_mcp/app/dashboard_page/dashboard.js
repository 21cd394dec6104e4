// The page as an MCP host of the view: the same messages as any other host, tools called over HTTP, and the journal below.
"use strict";

const theme = matchMedia("(prefers-color-scheme: dark)");
const context = () => ({
  theme: theme.matches ? "dark" : "light",
  displayMode: "fullscreen",
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  locale: navigator.language,
});

let frame = null;
/** What the view read last: that is read again while the page is open and visible. */
let latest = { name: "list_campaigns", arguments: { limit: 100 } };
let pollSeconds = 0;

/** One request to this page's own server. Throws an Error with a sentence. */
async function request(path, body) {
  const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options).catch(() => {
    throw new Error("The dashboard does not answer. Is `asisso-mcp dashboard` still running in its terminal?");
  });
  if (answer.status === 403) throw new Error("This page is no longer let in. Open the newest address that `asisso-mcp dashboard` printed.");
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error || `The dashboard answered ${answer.status}.`);
  return found;
}

function post(message) { frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*"); }

function showResult(call, result) {
  post({ method: "ui/notifications/tool-input", params: { arguments: call.arguments } });
  post({ method: "ui/notifications/tool-result", params: result });
}

const METHODS = {
  "ping": () => ({}),
  "ui/initialize": () => ({
    protocolVersion: "2026-01-26",
    hostInfo: { name: "asisso-mcp dashboard", version: "1" },
    hostCapabilities: { serverTools: {} },
    hostContext: context(),
  }),
  "tools/call": async ({ name, arguments: args }) => {
    const result = await request("/tools/call", { name, arguments: args || {} });
    if (name === "list_campaigns" || name === "get_campaign") latest = { name, arguments: args };
    else readJournal();
    return result;
  },
};

async function receive({ id, method, params = {} }) {
  if (method === "ui/notifications/initialized") poll({ isFirst: true });
  else if (method === "ui/notifications/size-changed") { if (params.height > 0) frame.style.height = `${Math.ceil(params.height)}px`; }
  else if (id !== undefined && method !== undefined) {
    try {
      if (!METHODS[method]) throw new Error(`This host has no method ${method}`);
      post({ id, result: await METHODS[method](params) });
    } catch (problem) {
      post({ id, error: { code: METHODS[method] ? -32603 : -32601, message: problem.message } });
    }
  }
}

/**
 * Reads again what is shown, and the journal. A tab in the background reads the journal alone, for what waits for a person.
 * The server passes few readings on to the API, and answers null until it is this page's turn.
 */
async function poll({ isFirst = false } = {}) {
  const asked = latest;
  try {
    if (!document.hidden || isFirst) {
      const result = await request("/tools/call", { ...asked, poll: !isFirst });
      if (result && asked === latest) showResult(asked, result);
    }
    document.getElementById("connection").textContent = "";
    await readJournal();
  } catch (problem) {
    document.getElementById("connection").textContent = problem.message;
  }
}

const RINGS = "Phones will ring: with this undone the campaign calls people, now or when its calling hours open. Undo it?";
let shownEntries = "";

async function readJournal() {
  const { entries, waiting } = await request("/journal");
  showWaiting(waiting);
  const list = document.getElementById("journal");
  if (JSON.stringify(entries) === shownEntries) return;
  shownEntries = JSON.stringify(entries);
  list.replaceChildren(...(entries || []).map((entry) => {
    const item = element("li", "");
    item.append(element("pre", entry.lines.join("\n")));
    if (entry.can_undo) {
      const button = element("button", "↶ Undo", { "aria-label": `Undo entry ${entry.id}` });
      button.addEventListener("click", () => { if (!entry.undo_rings || confirm(RINGS)) undo(entry.id, button); });
      item.append(button);
    }
    return item;
  }));
  if (!list.childElementCount) list.append(element("li", entries ? "Nothing was changed yet." : "No journal is kept: ASISSO_JOURNAL names no file."));
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** What a person can answer. What is shown already keeps its place, so that nothing moves below a pointer but for what is over. */
function showWaiting(waiting) {
  const section = document.getElementById("waiting"), list = section.querySelector("ol"), waits = document.getElementById("waits");
  const shown = new Map([...list.children].map((item) => [item.dataset.key, item]));
  for (const entry of waiting) {
    const key = `${entry.id} ${entry.is_approved}`;
    if (!shown.delete(key)) list.append(waitingItem(entry, key));
  }
  for (const item of shown.values()) item.remove();
  section.hidden = !waiting.length && !document.getElementById("answered").textContent;
  const count = waiting.filter((entry) => !entry.is_approved).length;
  const words = count ? `${count} change${count === 1 ? " waits" : "s wait"} for a person` : "";
  document.title = `${count ? `(${count}) ` : ""}Asisso campaigns`;
  if (waits.textContent !== words) waits.replaceChildren(...(count ? [element("a", words, { href: "#waiting-title" })] : []));
}

function waitingItem(entry, key) {
  const item = element("li", "", { "data-key": key });
  const until = new Date(entry.expires).toLocaleTimeString();
  const approved = `Approved until ${until}, and not used yet: the same call, made again, is carried out once.`;
  item.append(element("h3", entry.heading), element("pre", entry.question), element("p", entry.is_approved ? approved : `It expires at ${until}.`));
  const add = (text, label, path, question) => {
    const button = element("button", text, { "aria-label": `${label} entry ${entry.id}` });
    button.addEventListener("click", () => { if (!question || confirm(question)) answer(path, entry.id, item); });
    item.append(button, " ");
  };
  if (entry.can_approve) add("✓ Approve…", "Approve", "/journal/approve", `Approve this, once?\n\n${entry.heading}\n${entry.question}`);
  add(entry.is_approved ? "✕ Take back" : "✕ Reject", entry.is_approved ? "Take back" : "Reject", "/journal/reject");
  return item;
}

/** Records a yes or a no. */
async function answer(path, entry, item) {
  for (const button of item.querySelectorAll("button")) button.disabled = true;
  const answered = document.getElementById("answered");
  try {
    answered.textContent = `Entry ${entry}: ${(await request(path, { entry })).told}`;
    await readJournal();
  } catch (problem) {
    answered.textContent = problem.message;
  }
  for (const button of item.querySelectorAll("button")) button.disabled = false;
  document.getElementById("waiting-title").focus();
}

async function undo(entry, button) {
  button.disabled = true;
  const told = document.getElementById("undone");
  told.textContent = "Undoing…";
  try {
    const result = await request("/journal/undo", { entry });
    told.textContent = result.content.map((block) => block.text).join("\n");
    await poll({ isFirst: true });
  } catch (problem) {
    told.textContent = problem.message;
  }
  button.disabled = false;
}

window.addEventListener("message", (event) => {
  frame ??= document.getElementById("view");
  if (event.source === frame?.contentWindow && event.data?.jsonrpc === "2.0") receive(event.data);
});
theme.addEventListener("change", () => frame && post({ method: "ui/notifications/host-context-changed", params: { theme: context().theme } }));
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
document.addEventListener("DOMContentLoaded", () => {
  pollSeconds = Number(document.body.dataset.pollSeconds);
  setInterval(poll, pollSeconds * 1000);
});
