// The server, a browser and a host page for the tests.
import { spawn } from "node:child_process";
import { readFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const PROGRAM = process.env.ASISSO_MCP || join(ROOT, ".venv/bin/asisso-mcp");
export const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ASISSO_")));

export const openBrowser = () => chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: process.getuid() === 0 ? ["--no-sandbox"] : [] });

/** A real server on stdio over the sandbox API. */
export async function startServer() {
  const child = spawn(PROGRAM, ["serve", "--sandbox"], { env: { ...ENVIRONMENT, ASISSO_JOURNAL: "off" }, stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map();
  child.setMaxListeners(0);
  let last = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const request = (method, params = {}) => new Promise((resolve, reject) => {
    const id = ++last;
    child.once("exit", () => reject(new Error(`the server ended while ${method} was unanswered`)));
    waiting.set(id, (message) => (message.error ? reject(new Error(message.error.message)) : resolve(message.result)));
    send({ id, method, params });
  });
  const ui = { mimeTypes: ["text/html;profile=mcp-app"] };
  await request("initialize", { protocolVersion: "2025-11-25", capabilities: { extensions: { "io.modelcontextprotocol/ui": ui } }, clientInfo: { name: "test", version: "1" } });
  send({ method: "notifications/initialized" });
  const { tools } = await request("tools/list");
  const uri = tools[0]._meta.ui.resourceUri;
  const view = (await request("resources/read", { uri })).contents[0].text;
  return { view, tools, call: (name, args) => request("tools/call", { name, arguments: args }), stop: () => child.kill() };
}

/** `asisso-mcp dashboard` over the sandbox API, with a journal of its own. */
export async function startDashboard(environment = {}) {
  const journal = join(mkdtempSync(join(tmpdir(), "asisso-app-")), "journal.db");
  const child = spawn(PROGRAM, ["dashboard", "--no-open", ...(environment.ASISSO_BASE_URL ? [] : ["--sandbox"])], { env: { ...ENVIRONMENT, ASISSO_JOURNAL: journal, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
  const addresses = createInterface({ input: child.stdout });
  const address = await new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error("the dashboard ended")));
    addresses.on("line", (line) => { const found = /http:\S+/.exec(line); if (found) resolve(found[0]); });
  });
  return { address, origin: new URL(address).origin, stop: () => child.kill("SIGINT") };
}

let hostScript;

/**
 * A page with the view in it. `call` answers its calls; without it the host passes no calls on. Returns the page, the frame, and
 * what the page tried to ask the network for (`requests`), what of that a policy let through (`reached`), and its errors.
 */
export async function openView(browser, view, { call, context = {}, capabilities = {}, viewport = { width: 1200, height: 1200 }, ...options } = {}) {
  hostScript ??= (await build({ entryPoints: [fileURLToPath(new URL("host.js", import.meta.url))], bundle: true, write: false, format: "iife" })).outputFiles[0].text;
  const page = await browser.newPage({ viewport, ...options });
  const requests = [], reached = [], errors = [];
  await page.route("**/*", (route) => { reached.push(route.request().url()); return route.abort(); });
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  await page.setContent('<!doctype html><html lang="en"><title>host</title><body style="margin: 0"></body></html>');
  if (call) await page.exposeFunction("callServer", call);
  await page.addScriptTag({ content: hostScript });
  await page.evaluate(([html, host]) => window.startHost(html, host), [view, { capabilities: { ...(call && { serverTools: {} }), ...capabilities }, context }]);
  const frame = page.frames().find((each) => each !== page.mainFrame());
  return { page, frame, requests, reached, errors };
}

/** What a host does with a tool's answer. */
export async function give(page, tool, input, result) {
  await page.evaluate(async ([name, args, answer]) => {
    if (name) await window.bridge.setHostContext({ toolInfo: { tool: { name, inputSchema: { type: "object" } } } });
    await window.bridge.sendToolInput({ arguments: args });
    await window.bridge.sendToolResult(answer);
  }, [tool, input, result]);
}

/** Violations of WCAG 2.2 AA in a frame, as rule and element. */
export async function violations(frame) {
  await frame.evaluate(AXE);
  return frame.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const found = await window.axe.run(document, { runOnly: tags });
    return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 120)}`));
  });
}
