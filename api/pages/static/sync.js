/* Makes /sync live. Everything is set as text, never as HTML. */
import { realTimeSync } from "./live.js";
import { review } from "./review.js";

const start = JSON.parse(document.getElementById("start").textContent);
const words = start.words;
const at = (id) => document.getElementById(id);
const MOST_ROWS = 50;
const DRAW_MS = 100;
const DRAW_MOST_MS = 25;
const SPEAK_MS = 4000;

const sync = realTimeSync({ organizationId: start.organizationId });
const rows = at("events");
let paused = false;
let held = [];
let missed = 0;
let arrived = 0;
let heardAt = Date.now();

/* Words, in the reader's language: the page brings them. */
const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
const say = (name, values = {}) => fill(words.texts[name], values);
const plurals = new Intl.PluralRules(document.documentElement.lang);
const locale = { en: "en-GB", si: "si-LK", ta: "ta-LK" }[document.documentElement.lang];
const numbers = new Intl.NumberFormat(locale);
const count = (name, number) =>
  fill(words.counts[name][plurals.select(number) === "one" ? "one" : "other"], { num: numbers.format(number) });
const replicaWord = (replica) => {
  if (!replica) return "";
  if (replica.startsWith("person:")) return words.you;
  const [name, number] = replica.split(":");
  if (name === "courier" && number) {
    return number.length < 4 ? number.toUpperCase() : number.charAt(0).toUpperCase() + number.slice(1).replaceAll("_", " ");
  }
  const word = words.replicas[name] || name.charAt(0).toUpperCase() + name.slice(1);
  return number ? `${word} ${number}` : word;
};
const fieldWord = (field) =>
  words.fields[field] || field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trim();
const typeWord = (type) => {
  const word = words.types[type] || type;
  return word.charAt(0).toUpperCase() + word.slice(1);
};
const shorten = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
const moneyWord = (value) => {
  const found = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(value);
  if (!found) return value;
  const whole = found[2].replace(/^0+(?=[0-9])/, "").replace(/(?<=[0-9])(?=([0-9]{3})+$)/g, ",");
  return `${found[1]}${whole}.${(found[3] || "").padEnd(2, "0")}`;
};
/* As the server writes it: the language's own sign, all decimals. */
const amountWord = (value, currency) => {
  if (!currency || !/^-?[0-9]+(?:\.[0-9]+)?$/.test(value)) return moneyWord(value);
  try {
    const shape = new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: 20 });
    return shape.formatToParts(value).map((part) =>
      (part.type === "currency" && words.symbols[currency]) || part.value).join("");
  } catch {
    return moneyWord(value); /* no currency that anybody knows */
  }
};
const valueWord = (value, field = "", currency = "") => {
  if (value === null || value === "" || value === undefined) return say("empty");
  if (typeof value === "string" && words.money.includes(field)) return amountWord(value, currency || words.currency);
  if (field === "status" && words.statuses[value]) return words.statuses[value];
  if (typeof value === "string" && words.places.includes(field)) return replicaWord(value);
  if (typeof value === "string" && words.ids.includes(field)) return shorten(value, 16);
  if (words.choices[field] && words.choices[field][value]) return words.choices[field][value];
  if (words.moments.includes(field) && !Number.isNaN(Date.parse(value))) return momentWord(new Date(value));
  if (value === true) return say("yes");
  if (value === false) return say("no");
  if (Array.isArray(value)) return shorten(value.map((one) => valueWord(one)).join(", ") || say("none"), 80);
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, one]) => `${fieldWord(key)}: ${valueWord(one)}`);
    return shorten(String(value.name || value.sku || pairs.join(", ")), 80);
  }
  return shorten(String(value), 80);
};
const latencyWord = (ms) => {
  if (ms === null || ms === undefined) return "";
  if (ms < 1000) return say("ms", { number: Math.max(0, ms) });
  if (ms < 60000) return say("s", { number: (ms / 1000).toFixed(1) });
  return say("min", { number: Math.floor(ms / 60000) });
};
/* The shop's clock, not the reader's: what the server wrote stays the same. */
const timeZone = document.documentElement.dataset.zone;
const clock = new Intl.DateTimeFormat(locale, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone,
});
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long", timeZone });
const day = new Intl.DateTimeFormat("en-CA", { timeZone });
const momentWord = (moment) => {
  const today = day.format(new Date()) === day.format(moment);
  return today ? clock.format(moment) : exact.format(moment);
};
const passed = (unit, number) =>
  fill(words.ago[unit][plurals.select(number) === "one" ? "one" : "other"], { num: numbers.format(number) });
const ago = (moment) => {
  const seconds = Math.max(0, Math.round((Date.now() - moment) / 1000));
  if (seconds < 1) return say("justNow");
  if (seconds < 60) return passed("second", seconds);
  if (seconds < 3600) return passed("minute", Math.floor(seconds / 60));
  return seconds < 86400 ? passed("hour", Math.floor(seconds / 3600)) : exact.format(moment);
};
const title = (event) => {
  const names = Object.keys(event.data);
  let what = names.slice(0, 4).map(fieldWord).join(", ") || words.titles.something;
  if (names.length > 4) what = fill(words.titles.more, { names: what, number: names.length - 4 });
  const latency = latencyWord(event.latencyMs);
  let name = event.kind in words.titles ? event.kind : "effect";
  if (name === "changed" && event.version === 1 && words.newcomers.includes(event.type)) name = "new";
  if (name === "arrived" && latency) name = "after";
  if (name === "sent" && !names.length) name = "going";
  if (name === "deleted" && !event.source) name = "gone";
  const values = { what, latency, item: words.types[event.type] || event.type, who: replicaWord(event.source), where: replicaWord(event.replica || event.source) };
  return fill(words.titles[name], values);
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

/* Of Meta's codes our own sentence, Meta's words small behind it (api/pages/refusals.py). */
function reasonParts(event) {
  const found = /^([0-9]{1,6}): |\(([0-9]{1,6})\)$/.exec(event.reason);
  const code = found && (found[1] || found[2]);
  const sentence = event.replica.startsWith("whatsapp") && code && words.refusals[code];
  if (!sentence) return [words.reasons[event.reason] || event.reason];
  return [sentence, " ", make("small", "quiet", `Meta: ${found[1] ? event.reason : code}`)];
}

function eventRow(event) {
  const [name, tone] = words.kinds[event.kind] || ["bubble", "quiet"];
  const row = make("li", "new");
  row.dataset.id = event.id;
  setTone(row, tone);
  const badge = make("span", "badge small");
  badge.append(icon(name));
  const what = make("div", "what");
  const detail = make("p", "detail", `${typeWord(event.type)} ${event.label ? shorten(event.label, 60) : shorten(event.entityId, 16)}`);
  for (const [field, value] of Object.entries(event.data).slice(0, 3)) {
    detail.append(` · ${fieldWord(field)}: `, make("b", "", valueWord(value, field, event.data.currency)));
  }
  if (event.reason) detail.append(" · ", ...reasonParts(event));
  const link = make("a", "", title(event));
  link.href = `/events/${Date.parse(event.timestamp)}-${event.cursor.split("-")[1]}`;
  const head = make("p", "title");
  head.append(link);
  what.append(head, detail);
  const when = make("div", "when");
  when.append(timeOf(event.timestamp, clock.format(new Date(event.timestamp))));
  const latency = latencyWord(event.latencyMs);
  if (latency) when.append(make("span", "latency", latency));
  row.append(badge, what, when);
  return row;
}

const { filter } = start;
const wanted = (event) =>
  (!filter.type || event.type === filter.type)
  && (!filter.kinds.length || filter.kinds.includes(event.kind))
  && (!filter.source || [event.source, event.replica].includes(filter.source));

/* Oldest first, for as long as it may take; what is left is answered, for the next time. */
function show(events, mostMs = Infinity) {
  const there = new Set([...rows.children].map((row) => row.dataset.id));
  const fresh = document.createDocumentFragment();
  const newest = events.slice(-MOST_ROWS);
  const began = performance.now();
  let shown = 0;
  while (shown < newest.length && (!shown || performance.now() - began < mostMs)) {
    const event = newest[shown];
    if (wanted(event) && !there.has(event.id)) fresh.prepend(eventRow(event));
    shown += 1;
  }
  rows.prepend(fresh);
  while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  at("no-events").hidden = rows.children.length > 0;
  return newest.slice(shown);
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
    notice(count("forced", job.total));
  } catch (error) {
    notice(error.message);
  }
});

/* Figures */
/* The server gives a sign of life at least every four seconds; without one nothing on this page may
   be taken for true any more, whatever the browser thinks of the connection. */
const SILENT_MS = 6000;

function showConnection() {
  const place = at("connection");
  const word = place.querySelector(".word");
  const silent = sync.isConnected ? Date.now() - heardAt : 0;
  const behind = sync.lostAt ? Math.round((Date.now() - sync.lostAt) / 1000) : 0;
  let look = ["ask", say("connecting")];
  if (silent > SILENT_MS) look = ["bad", say("silent", { number: Math.round(silent / 1000) })];
  else if (sync.isConnected) look = ["good", say("live")];
  else if (sync.error === "please log in again") look = ["bad", say("login")];
  else if (behind > 1) look = ["ask", say("reconnecting", { number: behind })];
  setTone(place, look[0]);
  if (word.textContent !== look[1]) word.textContent = look[1];
  document.body.classList.toggle("stale", silent > SILENT_MS || behind > 1);
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
  at("pending").textContent = numbers.format(status.pendingEvents);
  at("connections").textContent = numbers.format(status.activeConnections);
  at("oldest").textContent = status.oldestPendingS ? latencyWord(Math.round(status.oldestPendingS * 1000)) : say("nothing");
  if (status.lastSync) at("last-sync").dateTime = status.lastSync;
  for (const replica of status.replicas) {
    const row = document.querySelector(`[data-replica="${CSS.escape(replica.replica)}"]`);
    if (!row) continue;
    const look = !replica.active ? ["pause", "quiet", say("paused")]
      : replica.lastSync ? ["check", "good", say("upToDate")] : ["clock", "info", say("waiting")];
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
let drawing = 0;
let told = null;

/* However many events come, the list is drawn ten times a second, and only what it can hold waits. */
function draw() {
  drawing = 0;
  if (paused) return;
  held = show(held, DRAW_MOST_MS);
  if (held.length) drawing = setTimeout(draw, DRAW_MS);
}
sync.onEvent((event) => {
  arrived += 1;
  if (!wanted(event)) return;
  held.push(event);
  if (held.length > MOST_ROWS) held.shift();
  if (paused) {
    missed += 1;
    at("pause").textContent = count("held", missed);
  } else if (!drawing) {
    drawing = setTimeout(draw, DRAW_MS);
  }
});
sync.onChange(() => {
  heardAt = Date.now();
  showConnection();
  if (sync.syncStatus !== told) showStatus();
  told = sync.syncStatus;
  if (sync.isConnected && first) {
    first = false;
    show(sync.events.slice().reverse());
  }
});

at("pause").hidden = false;
at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? say("goOn") : say("pause");
  missed = 0;
  if (!paused) draw();
});

/* The server's clock texts become the reader's own time. */
function localTimes(place) {
  for (const found of place.querySelectorAll("time[datetime]")) {
    if (!found.dateTime || found.title) continue;
    const moment = new Date(found.dateTime);
    found.textContent = momentWord(moment);
    found.title = exact.format(moment);
  }
}
localTimes(rows);
localTimes(at("review"));
const decisions = review({ localTimes, say, speak: (text) => { at("spoken").textContent = text; } });
sync.onConflict(decisions.refresh);
showTimes();
setInterval(showTimes, 1000);
setInterval(() => {
  if (!arrived) return;
  at("spoken").textContent = count("spoken", arrived);
  arrived = 0;
}, SPEAK_MS);
