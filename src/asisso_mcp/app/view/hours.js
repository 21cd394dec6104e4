// Calling hours as windows of minutes for each day, Monday first. Pure: no document.

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DAY_MINUTES = 1440;

/** Minutes of "HH:MM" from 00:00 to 24:00; NaN for anything else. */
function minutesOf(clock) {
  const found = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(clock);
  const minutes = found ? Number(found[1]) * 60 + Number(found[2]) : NaN;
  return minutes <= DAY_MINUTES ? minutes : NaN;
}

function clockOf(minutes) {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

/** Seven lists of [start, end), merged and in order, of the slots that can match. */
function weekOf(slots) {
  const week = DAYS.map(() => []);
  for (const slot of Array.isArray(slots) ? slots : []) {
    const start = minutesOf(slot?.start_time), end = minutesOf(slot?.end_time);
    if (start < end && week[slot.day_of_week]) week[slot.day_of_week].push([start, end]);
  }
  return week.map(merged);
}

function merged(windows) {
  const result = [];
  for (const [start, end] of [...windows].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}

/** The windows of a day with [start, end) switched on or off; what lies outside of it stays to the minute. */
function painted(windows, start, end, on) {
  if (on) return merged([...windows, [start, end]]);
  return windows.flatMap(([a, b]) => [[a, Math.min(b, start)], [Math.max(a, end), b]].filter(([x, y]) => x < y));
}

/** The part of an hour that is switched on: "all", "none", or [start, end) in minutes of the day. */
function partOfHour(windows, hour) {
  const start = hour * 60, end = start + 60;
  const parts = windows.map(([a, b]) => [Math.max(a, start), Math.min(b, end)]).filter(([a, b]) => a < b);
  if (!parts.length) return "none";
  return parts.length === 1 && parts[0][0] === start && parts[0][1] === end ? "all" : [parts[0][0], parts.at(-1)[1]];
}

function slotsOf(week) {
  return week.flatMap((windows, day) =>
    windows.map(([start, end]) => ({ day_of_week: day, start_time: clockOf(start), end_time: clockOf(end) })));
}

function inWords(windows) {
  return windows.map(([a, b]) => `${clockOf(a)}–${clockOf(b)}`).join(", ") || "no calls";
}

/** Weekday and minute in a zone at an instant; null for a zone that this browser does not know. */
function localTime(zone, at) {
  try {
    const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(at);
    const of = (type) => parts.find((part) => part.type === type).value;
    return { day: DAYS.indexOf(of("weekday")), minute: Number(of("hour")) * 60 + Number(of("minute")) };
  } catch { return null; }
}

/** How many minutes the clock of `zone` is ahead of that of `other` at an instant; null where one is unknown. */
function minutesAhead(zone, other, at) {
  const a = localTime(zone, at), b = localTime(other, at);
  if (!a || !b) return null;
  const days = ((a.day - b.day + 10) % 7) - 3;
  return days * DAY_MINUTES + a.minute - b.minute;
}
