/* Keeps the open page true: what happens arrives over the WebSocket, the words come from the server. */
import { realTimeSync } from "./live.js";

const AGAIN_MS = 400;
const root = document.getElementById("talks");
const list = document.getElementById("talk-list");
const thread = document.getElementById("thread");
const answer = document.getElementById("answer");
const text = document.getElementById("answer-text");
const open = root.dataset.open;
const show = root.dataset.show;
let timer = 0;
let busy = false;
let wanted = false;
let settling = false; // what is shown may be a moment behind what was told: one more look follows

function address(part) {
  if (part === "list") return `/conversations/part/list?${new URLSearchParams({ show, open })}`;
  return `/conversations/${encodeURIComponent(open)}/part`;
}

async function fetched(part) {
  const found = await fetch(address(part), { credentials: "same-origin" });
  if (found.redirected) location.reload(); // asks to log in, and comes back here
  if (!found.ok) throw new Error(`HTTP ${found.status}`);
  return found.text();
}

/* Several events within a moment are one look. */
function look() {
  wanted = true;
  settling = true;
  if (!timer && !busy) timer = setTimeout(refresh, AGAIN_MS);
}

async function refresh() {
  timer = 0;
  if (document.hidden) return;
  wanted = false;
  busy = true;
  try {
    if (thread) await showThread();
    list.innerHTML = await fetched("list");
  } catch {
    wanted = true; // asked for again with the next event, or when the page is looked at
  }
  busy = false;
  if (!wanted && !settling) return;
  settling = wanted;
  timer = setTimeout(refresh, 5 * AGAIN_MS);
}

async function showThread() {
  const before = thread.querySelector(".messages");
  const known = new Set([...before.children].map((one) => one.id));
  const low = before.scrollHeight - before.scrollTop - before.clientHeight < 60;
  const top = before.scrollTop;
  const focused = before.contains(document.activeElement) || document.activeElement === before;
  const state = document.getElementById("standing").dataset.window;
  thread.innerHTML = await fetched("thread");
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
  if (!document.hidden && wanted) look();
});

ready();
const sync = realTimeSync({ subscribe: { types: ["message"], entities: [], sources: [] } });
sync.onEvent(look);
