// The week as a grid: seven days by 24 hours, shown or edited by mouse, touch and keyboard.

/**
 * The grid. `before`: the week that is in place, laid under `week` where the two differ.
 * `onPaint(day, start, end, on)`: hours were switched; without it the grid is only shown.
 */
function weekGrid({ week, before = week, zone, viewerZone, focus, onPaint }) {
  const now = localTime(zone, new Date());
  const ahead = minutesAhead(viewerZone, zone, new Date());
  const grid = el("div", {
    class: `week ${onPaint ? "edited" : "shown"}`,
    ...(onPaint ? { role: "grid", "aria-label": "Calling hours, one cell an hour", "aria-describedby": "grid-help" } : { "aria-hidden": "true" }),
  });
  for (let hour = 0; hour < 24; hour += 3) grid.append(el("span", { class: "hour", $h: hour, "aria-hidden": "true", role: onPaint && "presentation" }, String(hour).padStart(2, "0")));
  for (const [day, name] of DAYS.entries()) {
    const row = el("div", onPaint ? { role: "row" } : {}, el("span", { class: "day", $d: day, role: onPaint && "rowheader" }, name.slice(0, 3)));
    for (let hour = 0; hour < 24; hour++) row.append(cell(day, hour));
    grid.append(row);
  }
  if (now) grid.append(el("span", { class: "now", $d: now.day, $h: Math.floor(now.minute / 60), $m: `${Math.round((now.minute % 60) / 0.6)}%`, role: onPaint && "presentation" }));
  if (onPaint) listen(grid, onPaint);
  return grid;

  function cell(day, hour) {
    const is = partOfHour(week[day], hour), was = partOfHour(before[day], hour);
    const differs = String(is) !== String(was);
    const [a, b] = is === "all" ? [0, 100] : is === "none" ? [0, 0] : is.map((minute) => Math.round((minute - hour * 60) / 0.6));
    const span = `${clockOf(hour * 60)}–${clockOf(hour * 60 + 60)}`;
    const state = is === "all" ? "calls" : is === "none" ? "no calls" : `calls ${clockOf(is[0])}–${clockOf(is[1])}`;
    const there = ahead === null || ahead === 0 ? "" : `, ${elsewhere(day, hour * 60, ahead)} your time`;
    const isFocus = focus && focus[0] === day && focus[1] === hour;
    return el("div", {
      class: `cell${differs ? (is === "none" ? " removed" : " added") : ""}`,
      $d: day, $h: hour, $a: `${a}%`, $b: `${b}%`,
      title: `${DAYS[day]} ${span}${there}`,
      ...(onPaint && {
        role: "gridcell", "data-day": day, "data-hour": hour, "aria-selected": String(is !== "none"), tabindex: isFocus ? "0" : "-1",
        "aria-label": `${DAYS[day]} ${span}: ${state}${differs ? (is === "none" ? ", removed" : ", new") : ""}`,
      }),
    });
  }
}

function elsewhere(day, minute, ahead) {
  const there = day * DAY_MINUTES + minute + ahead, week = 7 * DAY_MINUTES, within = ((there % week) + week) % week;
  return `${DAYS[Math.floor(within / DAY_MINUTES)]} ${clockOf(within % DAY_MINUTES)}`;
}

/** Dragging paints hours with the opposite of where it began; arrows move, space switches, shift and an arrow paint on. */
function listen(grid, onPaint) {
  const placeOf = (target) => target?.dataset?.hour === undefined ? null : [Number(target.dataset.day), Number(target.dataset.hour), target.getAttribute("aria-selected") === "true"];
  const paint = (from, to, on) => {
    const [first, last] = [Math.min(from[1], to[1]), Math.max(from[1], to[1])];
    const days = [];
    for (let day = Math.min(from[0], to[0]); day <= Math.max(from[0], to[0]); day++) days.push(day);
    onPaint(days, first * 60, last * 60 + 60, on, [to[0], to[1]]);
  };
  let drag = null;
  const under = (event) => placeOf(document.elementFromPoint(event.clientX, event.clientY));
  grid.addEventListener("pointerdown", (event) => {
    const place = placeOf(event.target);
    if (!place || event.button !== 0) return;
    event.preventDefault();
    drag = { from: place, to: place };
    grid.setPointerCapture(event.pointerId);
  });
  grid.addEventListener("pointermove", (event) => {
    const place = drag && under(event);
    if (!place) return;
    drag.to = place;
    for (const each of grid.querySelectorAll("[data-hour]")) {
      const [day, hour] = placeOf(each);
      const within = (value, a, b) => value >= Math.min(a, b) && value <= Math.max(a, b);
      const isIn = within(day, drag.from[0], place[0]) && within(hour, drag.from[1], place[1]);
      each.classList.toggle(drag.from[2] ? "removed" : "added", isIn);
    }
  });
  grid.addEventListener("pointerup", () => {
    if (drag) paint(drag.from, drag.to, !drag.from[2]);
    drag = null;
  });
  grid.addEventListener("pointercancel", () => { drag = null; });
  grid.addEventListener("keydown", (event) => {
    const place = placeOf(event.target);
    if (!place) return;
    const [day, hour, on] = place;
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); paint(place, place, !on); return; }
    const isNarrow = matchMedia("(max-width: 620px)").matches; // days are columns there
    const [onDay, onHour] = isNarrow ? [["ArrowLeft", "ArrowRight"], ["ArrowUp", "ArrowDown"]] : [["ArrowUp", "ArrowDown"], ["ArrowLeft", "ArrowRight"]];
    const step = (keys) => (event.key === keys[0] ? -1 : event.key === keys[1] ? 1 : 0);
    const to = [Math.max(0, Math.min(6, day + step(onDay))),
      event.key === "Home" ? 0 : event.key === "End" ? 23 : Math.max(0, Math.min(23, hour + step(onHour)))];
    if (to[0] === day && to[1] === hour) return;
    event.preventDefault();
    if (event.shiftKey) { paint(place, to, on); return; }
    event.target.tabIndex = -1;
    const next = grid.querySelector(`[data-day="${to[0]}"][data-hour="${to[1]}"]`);
    next.tabIndex = 0;
    next.focus();
  });
}
