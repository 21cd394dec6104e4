// The state of the view, what a person may do with it, and how results of the host change it.

const state = { tool: "", input: {}, screen: "waiting", list: null, campaign: null, draft: null, outcome: null, isPreview: false, asked: null, busy: "", filter: {} };

const viewerZone = () => bridge.context.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;
const main = document.getElementById("view");

/** Draws the state anew. `focus`: a selector to go to; otherwise the element that had the focus keeps it, by its id. */
function draw(focus) {
  const kept = main.contains(document.activeElement) ? likenessOf(document.activeElement) : null;
  main.setAttribute("aria-busy", String(Boolean(state.busy)));
  main.replaceChildren(...[notices(), screen()].flat(2).filter(Boolean));
  for (const control of state.busy ? main.querySelectorAll("button, input, select") : []) control.disabled = true;
  const target = focus ? main.querySelector(focus) : [...main.querySelectorAll("button, input, select, [tabindex]")].find((each) => likenessOf(each) === kept);
  target?.focus();
}

/** What tells a control from others, also after it was drawn anew. */
function likenessOf(element) {
  return [element.tagName, element.id, element.getAttribute("aria-label"), element.tagName === "BUTTON" && element.textContent].join("|");
}

function say(text) { document.getElementById("status").textContent = clean(text); }

function notices() {
  const found = [];
  if (state.busy) found.push(el("p", { class: "quiet" }, state.busy));
  if (state.asked) found.push(confirmPanel(state.asked, () => write(state.asked.tool, state.asked.args), () => { state.asked = null; draw("h1"); }));
  if (state.outcome) found.push(outcomePanel(state.outcome, outcomeActions()));
  return found;
}

function outcomeActions() {
  const { structure } = state.outcome;
  return {
    viewerZone: viewerZone(),
    zone: state.campaign?.structure?.schedule_config?.timezone,
    isPreview: state.isPreview,
    title: state.screen === "outcome" ? "Asisso campaigns" : hidesEditor() && "New calling hours",
    apply: state.isPreview && !state.outcome.isError && (() => write("update_campaign", state.draft.edit)),
    applyWords: state.draft?.edit?.if_running ? "Pause, apply and resume" : "Apply",
    undo: bridge.canCall && structure?.undo && (() => takeBack(structure)),
    dismiss: () => { state.outcome = null; state.isPreview = false; draw("h1"); },
  };
}

/** A preview that succeeded stands alone, until it is applied or closed. */
function hidesEditor() { return state.screen === "edit" && state.isPreview && !state.outcome?.isError; }

function screen() {
  if (state.screen === "list") return listScreen(state.list, { open: bridge.canCall && openCampaign, search: bridge.canCall && search, filter: state.filter });
  if (hidesEditor()) return [];
  if (state.screen === "edit") return editScreen(state.draft, { paint, preview, cancel: stopEditing, complain, viewerZone: viewerZone() });
  if (state.screen === "campaign") return campaignScreen(state.campaign, campaignActions());
  if (state.screen === "outcome") return [];
  return [el("h1", { tabindex: "-1" }, "Asisso campaigns"), el("p", {}, "Waiting for the answer…")];
}

function campaignActions() {
  if (!bridge.canCall) return { viewerZone: viewerZone() };
  const campaign = state.campaign.structure;
  const phase = campaign?.state;
  return {
    viewerZone: viewerZone(),
    back: () => search(state.filter.query, state.filter.state),
    refresh: () => openCampaign(state.campaign.id),
    pause: phase === "running" && (() => write("pause_campaign", {})),
    resume: phase === "paused" && (() => askFirst(RESUMES, "resume_campaign", { campaign_id: state.campaign.id })),
    edit: ["running", "paused", "draft"].includes(phase) && startEditing,
  };
}

/** Takes over a result of a tool, whoever called it. */
function show(tool, input, result) {
  const text = textOf(result), isError = result?.isError === true;
  const structure = isError ? null : result?.structuredContent || null;
  if (isError || (structure ? Array.isArray(structure.changes) : /^(update|pause|resume)_campaign$/.test(tool))) {
    state.outcome = { text: text || "The tool answered without a text.", structure, isError };
    if (state.screen === "waiting") state.screen = "outcome";
    return;
  }
  const isList = structure ? Array.isArray(structure.campaigns) : tool === "list_campaigns" || /^- \d+ "/m.test(text);
  if (isList) {
    state.list = { text, structure };
    if (state.screen !== "edit") state.screen = "list";
  } else {
    state.campaign = { id: structure?.campaign_id ?? input.campaign_id, text, structure, readAt: new Date() };
    if (state.screen !== "edit") state.screen = "campaign";
  }
}

/** Calls a tool while the controls are off. Returns its result, or null when that failed; then the error is shown. */
async function call(tool, args, words) {
  if (state.busy) return null;
  state.busy = words;
  say(words);
  draw();
  try {
    return await bridge.callTool(tool, args);
  } catch (problem) {
    state.outcome = { text: problem.message, structure: null, isError: true };
    return null;
  } finally {
    state.busy = "";
  }
}

async function openCampaign(id) {
  const result = await call("get_campaign", { campaign_id: id }, "Reading…");
  if (result) {
    state.outcome = null;
    show("get_campaign", { campaign_id: id }, result);
  }
  draw(state.outcome ? "#outcome" : "h1");
  say(state.outcome ? state.outcome.text.split("\n")[0] : "Read.");
}

async function search(query, phase) {
  state.filter = { query, state: phase };
  const args = { limit: 100, ...(query && { query }), ...(phase && { state: phase }) };
  const result = await call("list_campaigns", args, "Reading…");
  if (result) {
    state.outcome = null;
    show("list_campaigns", args, result);
  }
  draw("h1");
  say(result ? textOf(result).split("\n")[0] : state.outcome?.text);
}

/** A write, then a reading of what it left. The model learns of it. */
async function write(tool, args) {
  const id = args.campaign_id ?? state.campaign?.id;
  state.asked = null;
  const result = await call(tool, { campaign_id: id, ...args }, "Sending…");
  state.isPreview = false;
  if (result) {
    show(tool, args, result);
    bridge.tellModel(`The person used the view: ${tool}. ${textOf(result)}`);
    if (!result.isError) {
      state.screen = "campaign";
      state.draft = null;
    }
    const outcome = state.outcome;
    const reading = await call("get_campaign", { campaign_id: id }, "Reading what it left…");
    if (reading && !reading.isError) show("get_campaign", { campaign_id: id }, reading);
    state.outcome = outcome;
  }
  if (state.screen === "campaign" && !state.campaign) state.screen = "outcome";
  draw("#outcome");
  say(state.outcome?.text.split("\n")[0]);
}

const RESUMES = ["Phones will ring: this lets the campaign call people again, now or when its calling hours open.", "Resume dialing"];
const UNDOES_RUNNING = ["Phones will ring: the campaign is paused, put back as it was and resumed, and calls people on.", "Pause, undo and resume"];

/** Whatever lets phones ring is asked for twice, also where it is an undo. An edit of hours is asked for by its preview. */
function askFirst([question, yes], tool, args) {
  state.asked = { question, yes, tool, args };
  draw("#confirm");
}

function takeBack({ undo_tool: tool, undo }) {
  if (tool === "resume_campaign") askFirst(RESUMES, tool, undo);
  else if (undo.if_running && state.campaign?.structure?.state !== "paused") askFirst(UNDOES_RUNNING, tool, undo);
  else write(tool, undo);
}

function startEditing() {
  const campaign = state.campaign.structure, schedule = campaign.schedule_config;
  const wasOn = Boolean(schedule?.enabled && schedule.slots?.length);
  const before = wasOn ? weekOf(schedule.slots) : DAYS.map(() => []);
  state.draft = { id: campaign.campaign_id, name: campaign.name, revision: campaign.revision, zone: schedule?.timezone || viewerZone(), isNew: !schedule, wasOn, before, week: before, focus: [0, 9] };
  state.screen = "edit";
  state.outcome = null;
  draw("h1");
}

function paint(days, start, end, on, focus) {
  const { draft } = state;
  draft.week = draft.week.map((windows, day) => (days.includes(day) ? painted(windows, start, end, on) : windows));
  if (focus) draft.focus = focus;
  state.outcome = null;
  state.isPreview = false;
  draw(focus && '[role="gridcell"][tabindex="0"]');
  say(`${DAYS[days[0]]}${days.length > 1 ? ` to ${DAYS[days.at(-1)]}` : ""} ${clockOf(start)}–${clockOf(end)}: ${on ? "calls" : "no calls"}`);
}

function complain(text) {
  state.outcome = { text, structure: null, isError: true };
  draw("#outcome");
  say(text);
}

async function preview() {
  const { draft } = state;
  const slots = slotsOf(draft.week);
  if (JSON.stringify(draft.week) === JSON.stringify(draft.before)) { complain("Nothing is different from the hours in place."); return; }
  if (!slots.length) { complain("With no hours at all the platform calls at any hour. Keep at least one hour, or pause the campaign."); return; }
  const schedule = { slots, ...(!draft.wasOn && { enabled: true }), ...(draft.isNew && { timezone: draft.zone }) };
  draft.edit = { campaign_id: draft.id, schedule_config: schedule, expected_revision: draft.revision };
  const ifRunning = { if_running: "pause_and_resume" };
  const result = await call("update_campaign", { ...draft.edit, ...ifRunning, dry_run: true }, "Previewing…");
  state.isPreview = Boolean(result);
  if (result) show("update_campaign", draft.edit, result);
  // Sent along only when the preview said that it runs: one that somebody starts after it is refused.
  if (state.outcome?.structure?.state === "running") Object.assign(draft.edit, ifRunning);
  draw("#outcome");
  say(state.outcome?.text.split("\n")[0]);
}

function stopEditing() {
  state.draft = null;
  state.outcome = null;
  state.isPreview = false;
  state.screen = "campaign";
  draw("h1");
}

bridge.handlers["ui/notifications/tool-input"] = ({ arguments: args }) => { state.input = args || {}; };
bridge.handlers["ui/notifications/tool-result"] = (result) => {
  const received = JSON.stringify(result);
  if (received === state.received) return; // a host that reads again and again finds the same most of the time
  state.received = received;
  const isInUse = state.screen === "edit" || state.busy || state.outcome || document.activeElement?.matches("input, select");
  show(bridge.context.toolInfo?.tool?.name || "", state.input, result);
  if (!isInUse) draw();
  const id = state.outcome?.structure?.campaign_id;
  if (state.screen === "outcome" && id && bridge.canCall) readAfter(id);
};
bridge.handlers["ui/notifications/tool-cancelled"] = ({ reason }) => {
  if (state.screen !== "waiting") return;
  state.outcome = { text: `The call was cancelled${reason ? `: ${reason}` : ""}. If it was a change, whether it was sent is unknown until you read again.`, structure: null, isError: true };
  state.screen = "outcome";
  draw();
};
bridge.handlers["ui/notifications/host-context-changed"] = () => { if (state.screen !== "edit" && !state.busy) draw(); };

/** A write that the model made is shown over the campaign as it is now. */
async function readAfter(id) {
  const { outcome } = state;
  const result = await call("get_campaign", { campaign_id: id }, "Reading what it left…");
  if (result && !result.isError) show("get_campaign", { campaign_id: id }, result);
  state.outcome = outcome;
  draw();
}

const minute = setInterval(() => { if (state.screen === "campaign" && !state.busy && !main.contains(document.activeElement)) draw(); }, 60_000);
bridge.handlers.closed = () => clearInterval(minute);

draw();
bridge.connect().then(() => draw(), (problem) => complain(problem.message));
