// `asisso-mcp dashboard` in headless Chromium: the page is the host of the view.
import assert from "node:assert/strict";
import { after, afterEach, before, test as testWithin } from "node:test";
import { openBrowser, startDashboard, violations } from "./support.mjs";

const test = (name, body) => testWithin(name, { timeout: 60_000 }, body);
let browser, dashboard, context;

before(async () => { browser = await openBrowser(); });
after(async () => { await browser.close(); });
afterEach(async () => {
  await context?.close();
  dashboard?.stop();
});

async function open(options = {}) {
  dashboard = await startDashboard();
  context = await browser.newContext({ viewport: { width: 1200, height: 1600 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") page.problems.push(message.text()); });
  await page.goto(dashboard.address);
  await page.waitForURL(`${dashboard.origin}/`);
  return { page, frame: page.frameLocator("#view") };
}

test("the address opens the list in the view, works once, and leaves no secret in the address bar", async () => {
  const { page, frame } = await open();
  await frame.getByRole("heading", { name: "14 campaigns" }).waitFor();
  assert.equal(page.url(), `${dashboard.origin}/`);
  assert.equal((await fetch(dashboard.address)).status, 403);
  assert.deepEqual(page.problems, []);
});

test("a pause in the view is in the journal below, and is undone there", async () => {
  const { page, frame } = await open();
  await frame.getByRole("button", { name: "Open Spring promo" }).click();
  await frame.getByRole("button", { name: "Pause" }).click();
  await frame.getByRole("button", { name: "Undo" }).waitFor();
  const entries = page.locator("#journal li");
  await entries.filter({ hasText: 'pause_campaign 3 "Spring promo"' }).waitFor();
  let asked = "";
  page.once("dialog", (dialog) => dialog.dismiss());
  await page.getByRole("button", { name: /^Undo entry / }).click();
  assert.equal(await page.locator("#undone").textContent(), "");
  page.once("dialog", (dialog) => { asked = dialog.message(); return dialog.accept(); });
  await page.getByRole("button", { name: /^Undo entry / }).click();
  assert.match(asked, /^Phones will ring/);
  await page.locator("#undone", { hasText: "Campaign 3 \"Spring promo\" is running" }).waitFor();
  await entries.filter({ hasText: "takes back" }).waitFor();
  assert.deepEqual(page.problems, []);
});

test("what another tab changed appears by itself", async () => {
  const { page, frame } = await open();
  await frame.getByRole("button", { name: "Open Spring promo" }).click();
  await frame.getByRole("button", { name: "Pause" }).waitFor();
  const other = await context.newPage();
  await other.goto(`${dashboard.origin}/`);
  const view = other.frameLocator("#view");
  await view.getByRole("button", { name: "Open Spring promo" }).click();
  await view.getByRole("button", { name: "Pause" }).click();
  await view.getByRole("button", { name: "Undo" }).waitFor();
  await other.close();
  await frame.getByRole("button", { name: "Resume…" }).waitFor({ timeout: 20_000 });
  assert.deepEqual(page.problems, []);
});

test("a page of another site can neither frame the dashboard nor call a tool, also with the browser's cookie", async () => {
  const { page } = await open();
  const stranger = await context.newPage();
  await stranger.route("http://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: `<title>evil</title><iframe src="${dashboard.origin}/"></iframe>` }));
  await stranger.goto("http://evil.example/");
  const status = await stranger.evaluate((origin) => fetch(`${origin}/tools/call`, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"pause_campaign","arguments":{"campaign_id":3}}' }).then((answer) => answer.status, () => "failed"), dashboard.origin);
  assert.ok(status === 0 || status === "failed", String(status));
  const framed = stranger.frames().find((each) => each !== stranger.mainFrame());
  assert.equal(await framed.locator("#view").count(), 0);
  assert.equal(await page.locator("#journal li", { hasText: "pause_campaign" }).count(), 0);
});

for (const colorScheme of ["light", "dark"])
  test(`axe finds nothing on the page around the view, ${colorScheme}`, async () => {
    const { page, frame } = await open({ colorScheme, bypassCSP: true });
    await frame.getByRole("button", { name: "Open Spring promo" }).click();
    await frame.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: /^Undo entry / }).waitFor();
    assert.deepEqual(await violations(page.mainFrame()), []);
  });
