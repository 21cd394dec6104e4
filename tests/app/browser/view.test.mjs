// The view in headless Chromium, hosted by the official AppBridge, over a real server with the sandbox API.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test as testWithin } from "node:test";
import { give, openBrowser, openView, startServer, violations } from "./support.mjs";

const test = (name, body) => testWithin(name, { timeout: 60_000 }, body);
const PAUSED = 4, RUNNING = 3;
let browser, server, opened;

before(async () => { browser = await openBrowser(); });
after(async () => { await browser.close(); });
beforeEach(async () => { server = await startServer(); });
afterEach(async () => {
  await opened?.page.close();
  opened = undefined;
  server.stop();
});

async function open(options = {}) {
  opened = await openView(browser, server.view, { call: (name, args) => server.call(name, args), ...options });
  return opened;
}

/** The view of one campaign of the sandbox. */
async function openCampaign(id, options) {
  const { page, frame } = await open(options);
  await give(page, "get_campaign", { campaign_id: id }, await server.call("get_campaign", { campaign_id: id }));
  await frame.locator("h1").waitFor();
  return { page, frame };
}

/** Waits for a notice with this text. */
const told = (frame, text) => frame.locator(".notice", { hasText: text }).waitFor();
const cell = (frame, day, hour) => frame.locator(`[data-day="${day}"][data-hour="${hour}"]`);
const slotsOf = async (id) => (await server.call("get_campaign", { campaign_id: id })).structuredContent.schedule_config.slots;

test("every tool declares the view", () => {
  assert.deepEqual(server.tools.map((tool) => tool._meta.ui.resourceUri), Array(5).fill("ui://asisso/campaigns"));
});

test("a campaign is shown with its state, the evidence that it dials, its progress and its week", async () => {
  const { frame } = await openCampaign(RUNNING);
  assert.equal(await frame.locator("h1").textContent(), "Spring promo");
  assert.match(await frame.locator("main").textContent(), /▶ running/);
  assert.match(await frame.locator("main").textContent(), /Times in America\/New_York; now /);
  assert.match(await frame.locator("main").textContent(), /Monday: 09:00–17:00/);
  assert.equal(await frame.locator("progress").getAttribute("max"), "240");
  assert.equal(await frame.locator(".now").count(), 1);
});

test("the list opens a campaign and comes back", async () => {
  const { page, frame } = await open();
  await give(page, "list_campaigns", {}, await server.call("list_campaigns", {}));
  assert.equal(await frame.locator(".card").count(), 14);
  await frame.getByRole("button", { name: "Open Spring promo" }).click();
  await frame.getByRole("heading", { name: "Spring promo" }).waitFor();
  await frame.getByRole("button", { name: "All campaigns" }).click();
  await frame.getByRole("heading", { name: "14 campaigns" }).waitFor();
});

test("hours dragged over are previewed, sent with the revision that was shown, and taken back by undo", async () => {
  const asked = [];
  const { page, frame } = await openCampaign(RUNNING, { call: (name, args) => { asked.push([name, args]); return server.call(name, args); }, capabilities: { updateModelContext: {} } });
  const revision = (await server.call("get_campaign", { campaign_id: RUNNING })).structuredContent.revision;
  const before = await slotsOf(RUNNING);
  await frame.getByRole("button", { name: "Pause" }).click();
  await frame.getByRole("button", { name: "Change hours" }).click();
  const [from, to] = [await cell(frame, 5, 9).boundingBox(), await cell(frame, 6, 11).boundingBox()];
  await page.mouse.move(from.x + 5, from.y + 5);
  await page.mouse.down();
  await page.mouse.move(to.x + 5, to.y + 5, { steps: 5 });
  await page.mouse.up();
  assert.equal(await frame.locator(".cell.added").count(), 6);
  await frame.getByRole("button", { name: "Preview" }).click();
  await told(frame, "Preview: Campaign 3");
  assert.deepEqual(await slotsOf(RUNNING), before);
  await frame.getByRole("button", { name: "Apply" }).click();
  await frame.getByRole("button", { name: "Undo" }).waitFor();
  const weekend = [5, 6].map((day) => ({ day_of_week: day, start_time: "09:00", end_time: "12:00" }));
  assert.deepEqual(await slotsOf(RUNNING), [...before, ...weekend]);
  const edits = asked.filter(([name]) => name === "update_campaign").map(([, args]) => args);
  assert.deepEqual(edits.map((edit) => [edit.dry_run, edit.expected_revision]), [[true, revision], [undefined, revision]]);
  assert.match((await page.evaluate(() => window.told)).at(-1), /^The person used the view: update_campaign\. Done: /);
  await frame.getByRole("button", { name: "Undo" }).click();
  await frame.getByText("Saturday: no calls").waitFor();
  assert.deepEqual(await slotsOf(RUNNING), before);
});

test("hours of a running campaign are applied by a pause and a resume after the preview said so, and taken back after a question", async () => {
  const asked = [];
  const { frame } = await openCampaign(RUNNING, { call: (name, args) => { asked.push([name, args]); return server.call(name, args); } });
  const before = await slotsOf(RUNNING);
  const stateOf = async () => (await server.call("get_campaign", { campaign_id: RUNNING })).structuredContent.state;
  await frame.getByRole("button", { name: "Change hours" }).click();
  await cell(frame, 5, 9).focus();
  await cell(frame, 5, 9).press("Space");
  await frame.getByRole("button", { name: "Preview" }).click();
  await told(frame, "It is running: this call pauses it, makes the edit and resumes it.");
  assert.deepEqual([await stateOf(), await slotsOf(RUNNING)], ["running", before]);
  await frame.getByRole("button", { name: "Pause, apply and resume" }).click();
  await told(frame, "It was paused for the edit and is running again");
  await frame.getByRole("button", { name: "Undo" }).waitFor();
  const saturday = { day_of_week: 5, start_time: "09:00", end_time: "10:00" };
  assert.deepEqual([await stateOf(), await slotsOf(RUNNING)], ["running", [...before, saturday]]);
  const edits = asked.filter(([name]) => name === "update_campaign").map(([, args]) => args);
  assert.deepEqual(edits.map((edit) => [edit.dry_run, edit.if_running]), [[true, "pause_and_resume"], [undefined, "pause_and_resume"]]);
  await frame.getByRole("button", { name: "Undo" }).click();
  await told(frame, "Phones will ring: the campaign is paused, put back as it was and resumed");
  await frame.getByRole("button", { name: "Cancel" }).click();
  assert.deepEqual(await slotsOf(RUNNING), [...before, saturday]);
  await frame.getByRole("button", { name: "Undo" }).click();
  await frame.getByRole("button", { name: "Pause, undo and resume" }).click();
  await frame.getByText("Saturday: no calls").waitFor();
  assert.deepEqual([await stateOf(), await slotsOf(RUNNING)], ["running", before]);
});

test("a campaign that somebody starts after the preview is left as it is", async () => {
  const { frame } = await openCampaign(PAUSED);
  const before = await slotsOf(PAUSED);
  await frame.getByRole("button", { name: "Change hours" }).click();
  await cell(frame, 6, 9).focus();
  await cell(frame, 6, 9).press("Space");
  await frame.getByRole("button", { name: "Preview" }).click();
  await frame.getByRole("button", { name: "Apply" }).waitFor();
  assert.equal((await server.call("resume_campaign", { campaign_id: PAUSED })).isError, false);
  await frame.getByRole("button", { name: "Apply" }).click();
  await frame.locator(".notice.bad").waitFor();
  const { state, schedule_config } = (await server.call("get_campaign", { campaign_id: PAUSED })).structuredContent;
  assert.deepEqual([state, schedule_config.slots], ["running", before]);
});

test("the keyboard alone edits the hours, and the focus stays on the grid", async () => {
  const { page, frame } = await openCampaign(RUNNING);
  await frame.getByRole("button", { name: "Pause" }).click();
  await frame.getByRole("button", { name: "Resume…" }).waitFor(); // until then every button is off, and takes no focus
  await frame.getByRole("button", { name: "Change hours" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await frame.evaluate(() => document.activeElement.getAttribute("aria-label")), "Monday 09:00–10:00: calls");
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("ArrowDown");
  assert.equal(await frame.evaluate(() => document.activeElement.getAttribute("aria-label")), "Tuesday 10:00–11:00: calls");
  assert.equal(await frame.locator(".cell.removed").count(), 2);
  await page.keyboard.press("Tab");
  for (let step = 0; step < 12 && (await frame.evaluate(() => document.activeElement.textContent)) !== "Preview"; step++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await told(frame, "Preview: Campaign 3");
  await frame.getByRole("button", { name: "Apply" }).focus();
  await page.keyboard.press("Enter");
  await frame.getByRole("button", { name: "Undo" }).waitFor();
  assert.deepEqual((await slotsOf(RUNNING))[0], { day_of_week: 0, start_time: "11:00", end_time: "17:00" });
});

test("hours to the minute are kept while hours beside them are painted", async () => {
  const { frame } = await openCampaign(RUNNING);
  await frame.getByRole("button", { name: "Pause" }).click();
  await frame.getByRole("button", { name: "Change hours" }).click();
  await frame.getByLabel("From").fill("18:15");
  await frame.getByLabel("To (00:00 is midnight)").fill("18:45");
  await frame.getByRole("button", { name: "Add" }).click();
  await cell(frame, 0, 20).focus();
  await cell(frame, 0, 20).press("Space");
  await frame.getByText("Monday: 09:00–17:00, 18:15–18:45, 20:00–21:00").waitFor();
});

test("an edit made in between by someone else is refused, and the person reads why", async () => {
  const { frame } = await openCampaign(RUNNING);
  await frame.getByRole("button", { name: "Pause" }).click();
  await frame.getByRole("button", { name: "Change hours" }).click();
  await server.call("update_campaign", { campaign_id: RUNNING, max_concurrency: 2 });
  await cell(frame, 6, 9).focus();
  await cell(frame, 6, 9).press("Space");
  await frame.getByRole("button", { name: "Preview" }).click();
  await frame.locator(".notice.bad").waitFor();
  assert.match(await frame.locator(".notice.bad").textContent(), /changed/);
  assert.equal(await frame.getByRole("button", { name: "Apply" }).count(), 0);
});

test("resuming asks first, and cancelling sends nothing", async () => {
  const asked = [];
  const { frame } = await openCampaign(PAUSED, { call: (name, args) => { asked.push(name); return server.call(name, args); } });
  await frame.getByRole("button", { name: "Resume…" }).click();
  await told(frame, "Phones will ring");
  await frame.getByRole("button", { name: "Cancel" }).click();
  assert.deepEqual(asked, []);
  await frame.getByRole("button", { name: "Resume…" }).click();
  await frame.getByRole("button", { name: "Resume dialing" }).click();
  await frame.getByRole("button", { name: "Pause" }).waitFor();
  assert.equal(asked[0], "resume_campaign");
});

test("a write of the model is shown over the campaign that it left, with undo", async () => {
  const { page, frame } = await open();
  await give(page, "pause_campaign", { campaign_id: RUNNING }, await server.call("pause_campaign", { campaign_id: RUNNING }));
  await frame.getByRole("heading", { name: "Spring promo" }).waitFor();
  assert.match(await frame.locator("#outcome").textContent(), /Done: Campaign 3 "Spring promo" is paused/);
  await frame.getByRole("button", { name: "Undo" }).click();
  await told(frame, "Phones will ring");
  assert.equal((await server.call("get_campaign", { campaign_id: RUNNING })).structuredContent.state, "paused");
  await frame.getByRole("button", { name: "Resume dialing" }).click();
  await frame.getByRole("button", { name: "Pause" }).waitFor();
});

test("without the structured result the view lives from the text", async () => {
  const { page, frame } = await open();
  const result = await server.call("get_campaign", { campaign_id: RUNNING });
  await give(page, "get_campaign", { campaign_id: RUNNING }, { content: result.content });
  await frame.getByText("Mon–Fri 09:00–17:00 America/New_York.").waitFor();
  assert.match(await frame.locator("h1").textContent(), /^Campaign 3 "Spring promo" is running\. /);
  const list = await server.call("list_campaigns", {});
  await give(page, "list_campaigns", {}, { content: list.content });
  await frame.locator(".card").first().waitFor();
  assert.equal(await frame.locator(".card").count(), 14);
});

test("a host that passes no calls on gets a view without controls", async () => {
  const { frame } = await openCampaign(RUNNING, { call: undefined });
  assert.equal(await frame.locator("button").count(), 0);
  assert.equal(await frame.locator(".week").count(), 1);
});

test("errors, cancelled calls and an API that is down are told in words", async () => {
  const { page, frame } = await open({ call: () => ({ isError: true, content: [{ type: "text", text: "The Asisso API cannot be reached." }] }) });
  await page.evaluate(() => window.bridge.sendToolCancelled({ reason: "user action" }));
  await told(frame, "The call was cancelled: user action. If it was a change, whether it was sent is unknown until you read again.");
  await give(page, "list_campaigns", {}, await server.call("list_campaigns", {}));
  await frame.getByRole("button", { name: "Close" }).click();
  await frame.getByRole("button", { name: "Open Spring promo" }).click();
  await told(frame, "The Asisso API cannot be reached.");
  await give(page, "get_campaign", { campaign_id: 99 }, await server.call("get_campaign", { campaign_id: 99 }));
  await frame.locator(".notice.bad").waitFor();
});

test("a teardown is answered, and what comes after it changes nothing", async () => {
  const { page, frame } = await openCampaign(RUNNING);
  assert.deepEqual(await page.evaluate(() => window.bridge.teardownResource({})), {});
  await give(page, "list_campaigns", {}, await server.call("list_campaigns", {}));
  assert.equal(await frame.locator("h1").textContent(), "Spring promo");
});

test("the view tells its height whenever that changes", async () => {
  const { page, frame } = await openCampaign(RUNNING);
  const height = await frame.evaluate(() => Math.ceil(document.documentElement.getBoundingClientRect().height));
  await page.waitForFunction((expected) => window.sizes.at(-1)?.height === expected, height);
  await page.setViewportSize({ width: 320, height: 1200 });
  await page.waitForFunction((before) => window.sizes.at(-1).height > before, height);
});

test("the theme and the colours of the host are used", async () => {
  const { page, frame } = await openCampaign(RUNNING, { context: { theme: "dark", styles: { variables: { "--color-background-primary": "rgb(1, 2, 3)" } } } });
  const page_colour = () => frame.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await page_colour(), "rgb(1, 2, 3)");
  assert.equal(await frame.evaluate(() => document.documentElement.style.colorScheme), "dark");
  await page.evaluate(() => window.bridge.setHostContext({ theme: "light" }));
  await frame.waitForFunction(() => document.documentElement.style.colorScheme === "light");
});

const HOSTILE = '</script><img src="http://evil.example/x" onerror="window.hacked=1"><b>bold</b>\u202eabc\u2066\u200b';
const LONG = (HOSTILE + "x".repeat(255)).slice(0, 255);

function poisoned(value) {
  if (typeof value === "string") return LONG;
  if (Array.isArray(value)) return value.map(poisoned);
  return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, poisoned(each)])) : value;
}

test("hostile text in every field is text: no element, no request, no script, nothing hidden, nothing wider than the page", async () => {
  const results = [await server.call("get_campaign", { campaign_id: 8 }), await server.call("list_campaigns", {}), await server.call("pause_campaign", { campaign_id: RUNNING })];
  const { page, frame, requests, errors } = await open({ viewport: { width: 320, height: 1200 }, call: (name, args) => server.call(name, args).then((result) => poisoned(result)) });
  for (const result of results) {
    const text = result.content[0].text;
    for (const poison of [poisoned(result), { content: [{ type: "text", text: text.replaceAll("Customer survey 2026", LONG).replaceAll("warning", LONG) + `\n- ${LONG}` }] }]) {
      await give(page, "", {}, poison);
      await frame.waitForFunction(() => document.getElementById("view").textContent.includes("onerror"));
      assert.equal(await frame.locator("main :is(img, b, script)").count(), 0);
      assert.equal(await frame.evaluate(() => /[\u202a-\u202e\u2066-\u2069\u200b]/.test(document.body.textContent)), false);
      assert.ok(await frame.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    }
  }
  assert.equal(await frame.evaluate(() => window.hacked), undefined);
  assert.deepEqual(requests, []);
  assert.deepEqual(errors, []);
});

test("the policy of the document lets no script, style, image or request of others in", async () => {
  const { frame } = await openCampaign(RUNNING);
  const { reached } = opened;
  const ran = await frame.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script, Object.assign(new Image(), { src: "http://evil.example/x" }));
    const fetched = await fetch("http://evil.example/").then(() => true, () => false);
    return [window.injected, fetched];
  });
  assert.deepEqual(ran, [undefined, false]);
  assert.deepEqual(reached, []);
});

for (const theme of ["light", "dark"])
  for (const width of [320, 700, 1200])
    test(`axe finds nothing on any screen, ${theme}, ${width} px`, async () => {
      const { page, frame } = await open({ context: { theme }, viewport: { width, height: 1200 } });
      const found = {};
      const look = async (screen) => { found[screen] = await violations(frame); assert.ok(await frame.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), screen); };
      await give(page, "list_campaigns", {}, await server.call("list_campaigns", {}));
      await frame.locator(".card").first().waitFor();
      await look("list");
      await frame.getByRole("button", { name: "Open Spring promo" }).click();
      await frame.locator(".week").waitFor();
      await look("campaign");
      await frame.getByRole("button", { name: "Pause" }).click();
      await frame.locator("#outcome").waitFor();
      await look("outcome");
      await frame.getByRole("button", { name: "Change hours" }).click();
      await cell(frame, 6, 9).focus();
      await cell(frame, 6, 9).press("Space");
      await look("edit");
      await frame.getByRole("button", { name: "Preview" }).click();
      await told(frame, "Preview: Campaign 3");
      await look("preview");
      assert.deepEqual(found, { list: [], campaign: [], outcome: [], edit: [], preview: [] });
    });

test("1,000 campaigns are drawn within 300 ms of script time", async (context) => {
  const { frame } = await open();
  const milliseconds = await frame.evaluate(() => {
    const campaigns = Array.from({ length: 1000 }, (_, index) => ({ campaign_id: index + 1, name: `Campaign ${index}`, state: "running", dialing: true }));
    const text = ["1000 campaigns, newest first:", ...campaigns.map(({ campaign_id, name }) => `- ${campaign_id} "${name}": running (open at any hour), 1 of 2 queued calls made`)].join("\n");
    const began = performance.now();
    show("list_campaigns", {}, { content: [{ type: "text", text }], structuredContent: { summary: text, total: 1000, matching: 1000, campaigns } });
    draw();
    return performance.now() - began;
  });
  context.diagnostic(`${milliseconds.toFixed(0)} ms`);
  assert.equal(await frame.locator(".card").count(), 1000);
  assert.ok(milliseconds < 300, `${milliseconds} ms`);
});

test("nothing moves by itself", async () => {
  const { frame } = await openCampaign(RUNNING);
  assert.equal(await frame.evaluate(() => document.getAnimations().length), 0);
  const moving = await frame.evaluate(() => [...document.querySelectorAll("*")].filter((each) => getComputedStyle(each).animationName !== "none" || getComputedStyle(each).transitionDuration !== "0s").length);
  assert.equal(moving, 0);
});
