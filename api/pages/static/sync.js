/* Makes /sync live. Everything is set as text, never as HTML. */
import { realTimeSync } from "./live.js";
import { review } from "./review.js";

const start = JSON.parse(document.getElementById("start").textContent);
const words = start.words;
const at = (id) => document.getElementById(id);
const MOST_ROWS = 100;
const SPEAK_MS = 4000;

const sync = realTimeSync({ organizationId: start.organizationId });
const rows = at("events");
let paused = false;
let held = [];
let arrived = 0;

/* Words */
const replicaWord = (replica) => {
  if (!replica) return "";
  if (replica.startsWith("person:")) return "You";
  const [name, number] = replica.split(":");
  const word = words.replicas[name] || name.charAt(0).toUpperCase() + name.slice(1);
  return number ? `${word} ${number}` : word;
};
const fieldWord = (field) =>
  words.fields[field] || field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trim();
const shorten = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
const moneyWord = (value) => {
  const found = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(value);
  if (!found) return value;
  const whole = found[2].replace(/^0+(?=[0-9])/, "").replace(/(?<=[0-9])(?=([0-9]{3})+$)/g, ",");
  return `${found[1]}${whole}.${(found[3] || "").padEnd(2, "0")}`;
};
const valueWord = (value, field = "") => {
  if (value === null || value === "" || value === undefined) return "(empty)";
  if (typeof value === "string" && words.money.includes(field)) return moneyWord(value);
  if (value === true) return "yes";
  if (value === false) return "no";
  if (Array.isArray(value)) return shorten(value.map((one) => valueWord(one)).join(", ") || "(none)", 80);
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, one]) => `${fieldWord(key)}: ${valueWord(one)}`);
    return shorten(String(value.name || value.sku || pairs.join(", ")), 80);
  }
  return shorten(String(value), 80);
};
const latencyWord = (ms) => {
  if (ms === null || ms === undefined) return "";
  if (ms < 1000) return `${Math.max(0, ms)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min`;
};
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const ago = (moment) => {
  const seconds = Math.max(0, Math.round((Date.now() - moment) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : exact.format(moment);
};
const title = (event) => {
  const names = Object.keys(event.data);
  let named = names.slice(0, 4).map(fieldWord).join(", ");
  if (names.length > 4) named += ` and ${names.length - 4} more`;
  const where = replicaWord(event.replica || event.source);
  const latency = latencyWord(event.latencyMs);
  switch (event.kind) {
    case "changed": return `${replicaWord(event.source)} changed ${named || "something"}`;
    case "sent": return `On its way to ${where}${named ? `: ${named}` : ""}`;
    case "arrived": return `${where} is up to date${latency ? ` after ${latency}` : ""}`;
    case "refused": return `${where} had changed meanwhile and was read again`;
    case "conflict": return `Needs your decision: ${named || "a value"}`;
    case "resolved": return `Decided: ${named || "a value"}`;
    case "deleted": return event.source ? `Removed by ${replicaWord(event.source)}` : "Removed";
    case "failed": return `${where} did not accept ${named || "a change"}`;
    default: return `Message by ${where}`;
  }
};

/* Pieces of the page */
const make = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
};
const timeOf = (moment, shown) => {
  const made = make("time", "", shown);
  made.dateTime = moment;
  made.title = exact.format(new Date(moment));
  return made;
};
const setTone = (element, tone) => { element.dataset.tone = tone; };

function eventRow(event) {
  const [name, tone] = words.kinds[event.kind] || ["bubble", "quiet"];
  const row = make("li", "new");
  row.dataset.id = event.id;
  setTone(row, tone);
  const badge = make("span", "badge small");
  badge.append(icon(name));
  const what = make("div", "what");
  const detail = make("p", "detail", `${event.type.charAt(0).toUpperCase()}${event.type.slice(1)} ${event.label ? shorten(event.label, 60) : shorten(event.entityId, 16)}`);
  for (const [field, value] of Object.entries(event.data).slice(0, 3)) {
    detail.append(` · ${fieldWord(field)}: `, make("b", "", valueWord(value, field)));
  }
  if (event.reason) detail.append(` · ${event.reason}`);
  what.append(make("p", "title", title(event)), detail);
  const when = make("div", "when");
  when.append(timeOf(event.timestamp, clock.format(new Date(event.timestamp))));
  const latency = latencyWord(event.latencyMs);
  if (latency) when.append(make("span", "latency", latency));
  row.append(badge, what, when);
  return row;
}

function show(events) {
  for (const event of events) {
    if ([...rows.children].slice(0, MOST_ROWS).some((row) => row.dataset.id === event.id)) continue;
    rows.prepend(eventRow(event));
  }
  while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  at("no-events").hidden = rows.children.length > 0;
}

function notice(text) {
  let note = document.querySelector(".note");
  if (!note) {
    note = make("p", "note");
    note.setAttribute("role", "status");
    at("main").prepend(note);
  }
  note.textContent = text;
}

at("force").addEventListener("submit", async (submitted) => {
  if (!sync.isConnected) return;
  submitted.preventDefault();
  try {
    const { job } = await sync.forceSync();
    notice(`Reading ${job.total.toLocaleString()} items again on every platform. Differences are sent as they are found.`);
  } catch (error) {
    notice(error.message);
  }
});

/* Figures */
function showConnection() {
  const place = at("connection");
  const word = place.querySelector(".word");
  if (sync.isConnected) {
    setTone(place, "good");
    word.textContent = "Live";
  } else if (sync.error === "please log in again") {
    setTone(place, "bad");
    word.textContent = "Please log in again";
  } else {
    setTone(place, "ask");
    const behind = sync.lostAt ? Math.round((Date.now() - sync.lostAt) / 1000) : 0;
    word.textContent = behind > 1 ? `Reconnecting, ${behind} s behind` : "Connecting";
  }
}

function showStatus() {
  const status = sync.syncStatus;
  if (!status) return;
  const [name, tone] = words.states[status.state] || ["clock", "ask"];
  const headline = at("headline");
  if (headline.dataset.tone !== tone) {
    setTone(headline, tone);
    headline.querySelector("use").setAttribute("href", `#i-${name}`);
  }
  if (at("sentence").textContent !== status.sentence) at("sentence").textContent = status.sentence;
  at("pending").textContent = status.pendingEvents.toLocaleString();
  at("connections").textContent = status.activeConnections.toLocaleString();
  if (status.lastSync) at("last-sync").dateTime = status.lastSync;
  for (const replica of status.replicas) {
    const row = document.querySelector(`[data-replica="${CSS.escape(replica.replica)}"]`);
    if (!row) continue;
    const look = !replica.active ? ["pause", "quiet", "Paused"]
      : replica.lastSync ? ["check", "good", "Up to date"] : ["clock", "info", "Waiting for a change"];
    const state = row.querySelector(".state");
    setTone(state, look[1]);
    state.querySelector("use").setAttribute("href", `#i-${look[0]}`);
    state.querySelector(".word").textContent = look[2];
    if (replica.lastSync) row.querySelector("time").dateTime = replica.lastSync;
  }
}

function showTimes() {
  showConnection();
  for (const place of [at("last-sync"), ...document.querySelectorAll("#platforms time")]) {
    if (!place.dateTime) continue;
    const moment = new Date(place.dateTime);
    place.textContent = ago(moment);
    place.title = exact.format(moment);
  }
}

/* Live */
let first = true;
sync.onEvent((event) => {
  arrived += 1;
  if (paused) held.push(event);
  else show([event]);
  if (paused) at("pause").textContent = `Go on (${held.length} new)`;
});
sync.onChange(() => {
  showConnection();
  showStatus();
  if (sync.isConnected && first) {
    first = false;
    show(sync.events.slice().reverse());
  }
});

at("pause").hidden = false;
at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Go on" : "Pause";
  if (!paused) {
    show(held);
    held = [];
  }
});

/* The server's clock texts become the reader's own time. */
function localTimes(place) {
  for (const found of place.querySelectorAll("time[datetime]")) {
    if (!found.dateTime || found.title) continue;
    const moment = new Date(found.dateTime);
    const today = new Date().toDateString() === moment.toDateString();
    found.textContent = today ? clock.format(moment) : exact.format(moment);
    found.title = exact.format(moment);
  }
}
localTimes(rows);
localTimes(at("review"));
const decisions = review({ localTimes, speak: (text) => { at("spoken").textContent = text; } });
sync.onConflict(decisions.refresh);
showTimes();
setInterval(showTimes, 1000);
setInterval(() => {
  if (!arrived) return;
  at("spoken").textContent = arrived === 1 ? "One new event." : `${arrived} new events.`;
  arrived = 0;
}, SPEAK_MS);
