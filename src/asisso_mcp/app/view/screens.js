// What is shown: the list as cards, one campaign, a result, an error. Each function returns elements and changes nothing.

const STATES = { running: "▶ running", paused: "‖ paused", draft: "✎ draft", syncing: "⟳ syncing", completed: "✓ completed", failed: "✕ failed" };

function badge(state) { return el("span", { class: "badge" }, STATES[state] || state); }

function dialingBadge(dialing) {
  if (dialing === undefined || dialing === null) return null;
  return el("span", { class: "badge" }, dialing ? "☎ dialing" : "◌ not dialing");
}

function listScreen({ text, structure }, actions) {
  const rows = rowsOf(text, structure);
  const title = structure ? `${structure.total} campaigns` : text.split("\n")[0].replace(/[,:].*$/, "");
  return [
    el("h1", { tabindex: "-1" }, title || "Campaigns"),
    actions.search && searchForm(actions),
    structure && structure.matching > rows.length && el("p", { class: "quiet" }, `The newest ${rows.length} of ${structure.matching} that match. Search by name or state to see others.`),
    rows.length ? el("ul", { class: "cards" }, rows.map((row) => card(row, actions))) : el("p", { class: "lines" }, text || "No campaign matches."),
  ];
}

function searchForm({ search, filter }) {
  const query = el("input", { id: "query", type: "search", value: filter.query || "", maxlength: "255" });
  const state = el("select", { id: "state" }, el("option", { value: "" }, "any state"),
    Object.keys(STATES).map((name) => el("option", { value: name, selected: filter.state === name }, name)));
  const submit = () => search(query.value, state.value);
  const onEnter = (event) => { if (event.key === "Enter") submit(); }; // no form: hosts' sandboxes do not let forms submit
  query.addEventListener("keydown", onEnter);
  return el("div", { class: "row", role: "search" },
    el("label", { for: "query" }, "Name"), query, el("label", { for: "state" }, "State"), state, el("button", { type: "button", onclick: submit }, "Search"));
}

function card(row, { open }) {
  return el("li", { class: "card" },
    el("h2", {}, named(row.name || `Campaign ${row.campaign_id}`)),
    el("div", { class: "row" }, row.state ? badge(row.state) : null, dialingBadge(row.dialing), el("span", { class: "quiet" }, `no. ${row.campaign_id}`)),
    row.facts && el("p", { class: "quiet" }, row.facts),
    open && el("button", { type: "button", "aria-label": `Open ${row.name || row.campaign_id}`, onclick: () => open(row.campaign_id) }, "Open"));
}

function campaignScreen({ text, structure, readAt }, actions) {
  const parts = partsOf(text), campaign = structure || {};
  return [
    actions.back && el("button", { type: "button", onclick: actions.back }, "← All campaigns"),
    el("div", { class: "row spread" },
      el("h1", { tabindex: "-1" }, campaign.name ? named(campaign.name) : parts.first),
      el("div", { class: "row" }, campaign.state ? badge(campaign.state) : null, dialingBadge(campaign.dialing))),
    structure && el("p", {}, parts.evidence),
    el("div", { class: "row" },
      actions.pause && el("button", { type: "button", onclick: actions.pause }, "‖ Pause"),
      actions.resume && el("button", { type: "button", onclick: actions.resume }, "▶ Resume…"),
      actions.refresh && el("button", { type: "button", onclick: actions.refresh }, "Read again"),
      el("small", {}, `Read at ${readAt.toLocaleTimeString()}`)),
    progressOf(campaign),
    structure && hoursPanel(campaign, actions),
    parts.facts.length > 0 && el("section", { class: "panel" }, el("h2", {}, "Settings and progress"),
      el("dl", {}, parts.facts.map(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]))),
    parts.log.length > 0 && el("section", { class: "panel" }, el("h2", {}, parts.logTitle || "Log"),
      el("ul", {}, parts.log.map((line) => el("li", {}, named(line))))),
    parts.rest.length > 0 && el("p", { class: "quiet lines" }, parts.rest.join("\n")),
  ];
}

function progressOf({ executed_count: made, total_queued_count: queued }) {
  if (!Number.isFinite(made) || !(queued > 0)) return null;
  const label = `${made} of ${queued} queued calls made`;
  return el("div", {}, el("progress", { max: queued, value: Math.min(made, queued), "aria-label": label }), el("small", {}, label));
}

function hoursPanel(campaign, { edit, viewerZone }) {
  const schedule = campaign.schedule_config || {};
  const isOn = Boolean(schedule.enabled && schedule.slots?.length);
  const week = isOn ? weekOf(schedule.slots) : DAYS.map(() => [[0, DAY_MINUTES]]);
  const zone = schedule.timezone || viewerZone;
  return el("section", { class: "panel", "aria-labelledby": "hours-title" },
    el("div", { class: "row spread" }, el("h2", { id: "hours-title" }, "Calling hours"), edit && el("button", { type: "button", onclick: edit }, "Change hours")),
    el("p", { class: "quiet" }, isOn ? zoneLine(zone, viewerZone) : "Calls may go out at any hour: no calling hours are set or they are off."),
    weekGrid({ week, zone, viewerZone }),
    isOn && hoursList(week));
}

function hoursList(week) {
  return el("ul", { class: "hours" }, week.map((windows, day) => el("li", {}, `${DAYS[day]}: ${inWords(windows)}`)));
}

function zoneLine(zone, viewerZone) {
  const now = localTime(zone, new Date());
  if (!now) return `Zone ${zone}, which this browser does not know.`;
  const ahead = minutesAhead(viewerZone, zone, new Date());
  const yours = ahead ? ` Your clock is ${durationInWords(Math.abs(ahead))} ${ahead > 0 ? "ahead" : "behind"}.` : "";
  return `Times in ${zone}; now ${DAYS[now.day]} ${clockOf(now.minute)} there, marked by a line.${yours}`;
}

function durationInWords(minutes) {
  return [minutes >= 60 && `${Math.floor(minutes / 60)} h`, minutes % 60 && `${minutes % 60} min`].filter(Boolean).join(" ");
}

function editScreen(draft, actions) {
  const before = draft.before;
  const day = el("select", { id: "day" }, DAYS.map((name, number) => el("option", { value: number }, name)));
  const from = el("input", { id: "from", type: "time", value: "09:00" });
  const to = el("input", { id: "to", type: "time", value: "17:00" });
  const switchHours = (on) => {
    const start = minutesOf(from.value), end = to.value === "00:00" ? DAY_MINUTES : minutesOf(to.value);
    if (start < end) actions.paint([Number(day.value)], start, end, on);
    else actions.complain("The end must be after the start. For an overnight window add two: one up to 00:00, and one on the next day from 00:00.");
  };
  return [
    el("h1", { tabindex: "-1" }, "Calling hours of ", named(draft.name)),
    el("p", { id: "grid-help" }, "Drag over hours to switch them. By keyboard: arrows move, Space switches, Shift and an arrow go on with the same. New hours are marked +, removed ones −."),
    el("p", { class: "quiet" }, zoneLine(draft.zone, actions.viewerZone)),
    weekGrid({ week: draft.week, before, zone: draft.zone, viewerZone: actions.viewerZone, focus: draft.focus, onPaint: actions.paint }),
    el("fieldset", { class: "panel" }, el("legend", {}, "To the minute"),
      el("div", { class: "row" }, el("label", { for: "day" }, "Day"), day, el("label", { for: "from" }, "From"), from, el("label", { for: "to" }, "To (00:00 is midnight)"), to,
        el("button", { type: "button", onclick: () => switchHours(true) }, "Add"), el("button", { type: "button", onclick: () => switchHours(false) }, "Remove"))),
    hoursList(draft.week),
    !draft.wasOn && el("p", {}, "Calling hours are off now, and calls may go out at any hour. Applying these hours switches them on."),
    el("div", { class: "row" },
      el("button", { type: "button", class: "main", onclick: actions.preview }, "Preview"),
      el("button", { type: "button", onclick: actions.cancel }, "Cancel")),
  ];
}

/** The answer of a write or of a preview: its words without those for models, and changed hours laid over each other. */
function outcomePanel({ text, structure, isError }, actions) {
  const slots = structure?.changes?.find((change) => change.field === "schedule_config.slots");
  const zone = actions.zone || actions.viewerZone;
  const kind = isError ? "bad" : structure?.applied ? "good" : "";
  const lines = text.split("\n").filter((line) => !structure || !/^(Undo|Revision)[: ]/.test(line));
  return el("section", { class: `panel notice ${kind}`, "aria-label": isError ? "Error" : "Outcome", tabindex: "-1", id: "outcome" },
    actions.title && el("h1", {}, actions.title),
    el("p", { class: "lines" }, isError ? "✕ " : "", lines.join("\n")),
    slots && weekGrid({ week: weekOf(slots.after), before: weekOf(slots.before), zone, viewerZone: actions.viewerZone }),
    el("div", { class: "row" },
      actions.apply && el("button", { type: "button", class: "main", onclick: actions.apply }, actions.applyWords),
      actions.undo && el("button", { type: "button", onclick: actions.undo }, "↶ Undo"),
      actions.dismiss && el("button", { type: "button", onclick: actions.dismiss }, actions.isPreview ? "Back to the hours" : "Close")));
}

function confirmPanel({ question, yes }, confirm, cancel) {
  return el("section", { class: "panel notice bad", role: "alertdialog", "aria-labelledby": "question" },
    el("p", { id: "question" }, question),
    el("div", { class: "row" },
      el("button", { type: "button", class: "main", onclick: confirm, id: "confirm" }, yes),
      el("button", { type: "button", onclick: cancel }, "Cancel")));
}
