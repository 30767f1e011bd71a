/* Keeps the open page true: what happens arrives over the WebSocket, the words come from the server. */
import { realTimeSync } from "./live.js";

/* What is shown may be behind what was told of, so looks follow, ever later. */
const PAUSES_MS = [400, 2_000, 6_000, 20_000, 60_000];
const root = document.getElementById("talks");
const list = document.getElementById("talk-list");
const thread = document.getElementById("thread");
const answer = document.getElementById("answer");
const text = document.getElementById("answer-text");
const open = root.dataset.open;
const show = root.dataset.show;
const drawn = {};
let timer = 0;
let step = 0; // the pause that is next
let busy = false;

function address(part) {
  if (part === "list") return `/conversations/part/list?${new URLSearchParams({ show, open })}`;
  return `/conversations/${encodeURIComponent(open)}/part`;
}

/* The part as it is now; null where that is drawn already. */
async function fetched(part) {
  const found = await fetch(address(part), { credentials: "same-origin" });
  if (found.redirected) location.reload(); // asks to log in, and comes back here
  if (!found.ok) throw new Error(`HTTP ${found.status}`);
  const html = await found.text();
  if (drawn[part] === html) return null;
  drawn[part] = html;
  return html;
}

/* Several events within a moment are one look. */
function look() {
  if (timer && step === 0) return;
  step = 0;
  if (!busy) plan();
}

function plan() {
  clearTimeout(timer);
  timer = step < PAUSES_MS.length ? setTimeout(refresh, PAUSES_MS[step]) : 0;
}

async function refresh() {
  timer = 0;
  if (document.hidden) return; // looked at when somebody does
  step += 1;
  busy = true;
  try {
    if (thread) await showThread();
    const html = await fetched("list");
    if (html !== null) list.innerHTML = html;
  } catch {
    // the next look asks again
  }
  busy = false;
  plan();
}

async function showThread() {
  const html = await fetched("thread");
  if (html === null) return;
  const before = thread.querySelector(".messages");
  const known = new Set([...before.children].map((one) => one.id));
  const low = before.scrollHeight - before.scrollTop - before.clientHeight < 60;
  const top = before.scrollTop;
  const focused = before.contains(document.activeElement) || document.activeElement === before;
  const state = document.getElementById("standing").dataset.window;
  thread.innerHTML = html;
  const after = thread.querySelector(".messages");
  after.scrollTop = low ? after.scrollHeight : top;
  if (focused) after.focus({ preventScroll: true });
  if (document.getElementById("standing").dataset.window !== state) location.reload();
  const fresh = [...after.children].filter((one) => !known.has(one.id) && one.matches(".theirs"));
  if (fresh.length) say(fresh.at(-1).innerText);
}

/* For those who hear the page: what has just been written, once. */
function say(words) {
  let voice = document.getElementById("voice");
  if (!voice) {
    voice = document.createElement("p");
    voice.id = "voice";
    voice.className = "sr-only";
    voice.setAttribute("aria-live", "polite");
    root.append(voice);
  }
  voice.textContent = words;
}

function ready() {
  const messages = thread?.querySelector(".messages");
  if (messages) messages.scrollTop = messages.scrollHeight;
}

text?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    answer.requestSubmit();
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

ready();
const sync = realTimeSync({ subscribe: { types: ["message"], entities: [], sources: [] } });
let connected = false;
sync.onEvent(look);
sync.onChange(() => {
  if (sync.isConnected && !connected) look(); // what came before was told to nobody
  connected = sync.isConnected;
});
