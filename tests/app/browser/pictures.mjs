// Renews docs/images/: a campaign after an edit of its hours, in both themes.
import { fileURLToPath } from "node:url";
import { give, openBrowser, openView, startServer } from "./support.mjs";

const CAMPAIGN = 3;
const PICTURES = [["light", 1000, "campaign-light.png"], ["dark", 1000, "campaign-dark.png"]];
const browser = await openBrowser();
for (const [theme, width, name] of PICTURES) {
  const server = await startServer();
  const { page, frame } = await openView(browser, server.view, { call: (tool, args) => server.call(tool, args), context: { theme, timeZone: "Europe/Berlin" }, viewport: { width, height: 2400 } });
  await server.call("pause_campaign", { campaign_id: CAMPAIGN });
  const slots = [0, 1, 2, 3, 4].map((day) => ({ day_of_week: day, start_time: "09:00", end_time: day === 4 ? "16:00" : "17:00" }));
  const edit = { campaign_id: CAMPAIGN, schedule_config: { slots: [...slots, { day_of_week: 5, start_time: "10:00", end_time: "13:30" }] } };
  await give(page, "update_campaign", edit, await server.call("update_campaign", edit));
  await frame.getByRole("heading", { name: "Spring promo" }).waitFor();
  const { height } = await page.evaluate(() => window.sizes.at(-1));
  await page.screenshot({ path: fileURLToPath(new URL(`../../../docs/images/${name}`, import.meta.url)), clip: { x: 0, y: 0, width, height: Math.min(height, 2400) } });
  await page.close();
  server.stop();
}
await browser.close();
