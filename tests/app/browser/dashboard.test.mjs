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

async function open({ environment, ...options } = {}) {
  dashboard = await startDashboard(environment);
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

const CONFIRMS = { environment: { ASISSO_CONFIRM: "risky" } };
const waiting = (page) => page.locator("#waiting li");

/** A call that the page itself makes, as the view would. */
const call = (page, name, args) => page.evaluate((body) => fetch("/tools/call", { method: "POST", headers: { "content-type": "application/json" }, body }).then((answer) => answer.json()), JSON.stringify({ name, arguments: args }));

test("a resume that waits for a person is approved below, after a question, and then carried out once", async () => {
  const { page, frame } = await open(CONFIRMS);
  await frame.getByRole("button", { name: "Open Payment follow-ups" }).click();
  const resume = async () => {
    await frame.getByRole("button", { name: "Resume…" }).click();
    await frame.getByRole("button", { name: "Resume dialing" }).click();
  };
  await resume();
  await page.getByRole("link", { name: "1 change waits for a person" }).waitFor();
  assert.equal(await page.title(), "(1) Asisso campaigns");
  assert.match(await waiting(page).textContent(), /Campaign 5 "Payment follow-ups" would be resumed:\n- state: paused → running\n.*Why you are asked: it may dial from then on\.It expires at \d/s);
  let asked = "";
  page.once("dialog", (dialog) => dialog.dismiss());
  await page.getByRole("button", { name: /^Approve entry / }).click();
  assert.equal(await page.locator("#answered").textContent(), "");
  page.once("dialog", (dialog) => { asked = dialog.message(); return dialog.accept(); });
  await page.getByRole("button", { name: /^Approve entry / }).click();
  await page.locator("#answered", { hasText: "Approved until " }).waitFor();
  assert.match(asked, /^Approve this, once\?\n\nEntry \w+, resume_campaign\nCampaign 5 "Payment follow-ups" would be resumed:\n/);
  await page.getByRole("button", { name: /^Take back entry / }).waitFor();
  assert.equal(await page.title(), "Asisso campaigns");
  assert.equal(await page.evaluate(() => document.activeElement.id), "waiting-title");
  await resume();
  await frame.getByRole("button", { name: "Pause" }).waitFor();
  await waiting(page).waitFor({ state: "detached" });
  assert.deepEqual(page.problems, []);
});

test("a change that waits is rejected with one click, and the same call is refused", async () => {
  const { page } = await open(CONFIRMS);
  await call(page, "resume_campaign", { campaign_id: 4 });
  await page.getByRole("button", { name: /^Reject entry / }).click();
  await page.locator("#answered", { hasText: "Rejected: the same call is refused until " }).waitFor();
  await waiting(page).waitFor({ state: "detached" });
  assert.match((await call(page, "resume_campaign", { campaign_id: 4 })).content[0].text, /^Nothing was changed: a person rejected this/);
  assert.deepEqual(page.problems, []);
});

test("hostile text that waits is text, and the view can neither read nor answer it", async () => {
  const { page } = await open(CONFIRMS);
  const hostile = '</pre><img src=/x onerror=window.hacked=1><b>bold</b>';
  await call(page, "update_campaign", { campaign_id: 4, name: hostile, max_concurrency: 9 });
  await waiting(page).waitFor();
  assert.ok((await waiting(page).textContent()).includes(hostile));
  assert.equal(await waiting(page).locator("img, b").count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  const entry = (await page.getByRole("button", { name: /^Approve entry / }).getAttribute("aria-label")).slice("Approve entry ".length);
  assert.deepEqual(page.problems, []);
  const view = page.frames().find((each) => each !== page.mainFrame());
  const reached = await view.evaluate(async ([origin, body]) => {
    const answers = [];
    for (const path of ["/journal", "/journal/approve"])
      answers.push(await fetch(`${origin}${path}`, path === "/journal" ? {} : { method: "POST", mode: "no-cors", body }).then(() => "answered", () => "failed"));
    for (const method of ["journal", "journal/approve", "approve"]) answers.push(await bridge.request(method, JSON.parse(body)).catch((problem) => problem.message));
    return answers;
  }, [dashboard.origin, JSON.stringify({ entry })]);
  assert.deepEqual(reached, ["failed", "failed", "This host has no method journal", "This host has no method journal/approve", "This host has no method approve"]);
  assert.equal(await page.getByRole("button", { name: `Approve entry ${entry}` }).count(), 1);
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
    const { page, frame } = await open({ ...CONFIRMS, colorScheme, bypassCSP: true });
    await call(page, "resume_campaign", { campaign_id: 4 });
    await waiting(page).waitFor();
    await frame.getByRole("button", { name: "Open Spring promo" }).click();
    await frame.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: /^Undo entry / }).waitFor();
    assert.deepEqual(await violations(page.mainFrame()), []);
  });
