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

/** Reads again what is shown. The server passes few of these on to the API, and answers null until it is this page's turn. */
async function poll({ isFirst = false } = {}) {
  if (document.hidden && !isFirst) return;
  const asked = latest;
  try {
    const result = await request("/tools/call", { ...asked, poll: !isFirst });
    if (result && asked === latest) showResult(asked, result);
    document.getElementById("connection").textContent = "";
    await readJournal();
  } catch (problem) {
    document.getElementById("connection").textContent = problem.message;
  }
}

const RINGS = "Phones will ring: this lets the campaign call people again, now or when its calling hours open. Resume dialing?";
let shownEntries = "";

async function readJournal() {
  const { entries } = await request("/journal");
  const list = document.getElementById("journal");
  if (JSON.stringify(entries) === shownEntries) return;
  shownEntries = JSON.stringify(entries);
  list.replaceChildren(...(entries || []).map((entry) => {
    const item = document.createElement("li"), text = document.createElement("pre");
    text.textContent = entry.lines.join("\n");
    item.append(text);
    if (entry.can_undo) {
      const button = document.createElement("button");
      button.textContent = "↶ Undo";
      button.setAttribute("aria-label", `Undo entry ${entry.id}`);
      button.addEventListener("click", () => { if (!entry.undo_rings || confirm(RINGS)) undo(entry.id, button); });
      item.append(button);
    }
    return item;
  }));
  if (!list.childElementCount) {
    const item = document.createElement("li");
    item.textContent = entries ? "Nothing was changed yet." : "No journal is kept: ASISSO_JOURNAL names no file.";
    list.append(item);
  }
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
