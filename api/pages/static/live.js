/*
 * The live client, without a framework. In React, keep its `state` in `useSyncExternalStore`.
 *
 *   import { realTimeSync } from "/static/live.js";
 *   const sync = realTimeSync({ organizationId: "default", autoConnect: true });
 *   sync.onChange(() => console.log(sync.isConnected, sync.syncStatus, sync.events, sync.conflicts));
 *   await sync.resolveConflict(sync.conflicts[0].id, "local");
 *
 * Events come once and in order, over lost connections too: the last cursor is sent when the
 * connection is made again.
 */

const MOST_EVENTS = 200;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const SILENCE_MS = 45000;
const ANSWER_MS = 15000;
const PROTOCOL = "smartstore.v1";

export function realTimeSync({
  organizationId = "",
  autoConnect = true,
  url = defaultUrl(),
  getTicket = defaultTicket,
  subscribe = { types: [], entities: [], sources: [] },
} = {}) {
  const state = {
    isConnected: false, syncStatus: null, events: [], conflicts: [], lostAt: null, error: "",
  };
  const listeners = new Set();
  const eventListeners = new Set();
  const conflictListeners = new Set();
  const waiting = new Map();
  let socket = null;
  let wanted = false;
  let attempts = 0;
  let cursor = "";
  let requests = 0;
  let retryTimer = 0;
  let silenceTimer = 0;

  function changed() {
    for (const listener of listeners) listener(state);
  }

  async function open() {
    clearTimeout(retryTimer);
    let ticket;
    try {
      ticket = await getTicket();
    } catch (error) {
      lost(error.message || "no ticket");
      return;
    }
    if (!wanted || socket) return;
    const fresh = new WebSocket(url, [PROTOCOL]);
    socket = fresh;
    fresh.onopen = () => fresh.send(JSON.stringify({ type: "connect", ticket, cursor, subscribe }));
    fresh.onmessage = (message) => {
      if (socket === fresh) receive(JSON.parse(message.data));
    };
    fresh.onclose = (event) => {
      if (socket !== fresh) return;
      socket = null;
      lost(event.reason);
    };
    listen();
  }

  function lost(reason) {
    clearTimeout(silenceTimer);
    for (const { reject } of waiting.values()) reject(new Error("connection lost"));
    waiting.clear();
    if (state.isConnected || state.lostAt === null) state.lostAt = Date.now();
    state.isConnected = false;
    state.error = reason || "";
    changed();
    if (!wanted) return;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempts++);
    retryTimer = setTimeout(open, wait * (0.5 + Math.random() / 2));
  }

  /* A connection that says nothing for long is dead, whatever the browser thinks of it. */
  function listen() {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => {
      const dead = socket;
      if (!dead) return;
      socket = null;
      dead.close();
      lost("no sign of life");
    }, SILENCE_MS);
  }

  function receive(message) {
    listen();
    if (message.requestId && waiting.has(message.requestId)) {
      const { resolve, reject } = waiting.get(message.requestId);
      waiting.delete(message.requestId);
      if (message.type === "error") reject(new Error(message.problem.detail));
      else resolve(message);
    }
    if (message.type === "hello") hello(message);
    else if (message.type === "event") addEvent(message.event);
    else if (message.type === "conflict") setConflict(message.conflict);
    else if (message.type === "batches") told();
    else if (message.type === "status") state.syncStatus = message.syncStatus;
    changed();
  }

  function hello(message) {
    attempts = 0;
    if (organizationId && message.organizationId !== organizationId) {
      disconnect();
      state.error = "the session is of another organisation";
      return;
    }
    cursor = message.cursor;
    state.isConnected = true;
    state.lostAt = null;
    state.error = "";
    state.syncStatus = message.syncStatus;
    state.conflicts = message.conflicts;
    if (!message.resumed) state.events = message.events.slice().reverse();
    told();
  }

  function addEvent(event) {
    cursor = event.cursor;
    state.events = [event, ...state.events].slice(0, MOST_EVENTS);
    for (const listener of eventListeners) listener(event);
  }

  function setConflict(conflict) {
    const known = state.conflicts.find((one) => one.id === conflict.id);
    if (known && known.version > conflict.version) return;
    told(conflict);
    const others = state.conflicts.filter((one) => one.id !== conflict.id);
    state.conflicts = conflict.status === "open" ? [conflict, ...others] : others;
  }

  /* A conflict moved; without one: many did, or the connection is new. */
  function told(conflict = null) {
    for (const listener of conflictListeners) listener(conflict);
  }

  function ask(message) {
    if (!socket || !state.isConnected) return Promise.reject(new Error("not connected"));
    const requestId = `r${++requests}`;
    socket.send(JSON.stringify({ ...message, requestId }));
    return new Promise((resolve, reject) => {
      waiting.set(requestId, { resolve, reject });
      setTimeout(() => {
        if (waiting.delete(requestId)) reject(new Error("no answer"));
      }, ANSWER_MS);
    });
  }

  function connect() {
    if (wanted) return;
    wanted = true;
    open();
  }

  function disconnect() {
    wanted = false;
    clearTimeout(retryTimer);
    clearTimeout(silenceTimer);
    const old = socket;
    socket = null;
    if (old) old.close(1000);
    state.isConnected = false;
    changed();
  }

  if (autoConnect) connect();

  return {
    get isConnected() { return state.isConnected; },
    get syncStatus() { return state.syncStatus; },
    get events() { return state.events; },
    get conflicts() { return state.conflicts; },
    get lostAt() { return state.lostAt; },
    get error() { return state.error; },
    connect,
    disconnect,
    forceSync: (entityType, entityId) => ask({ type: "forceSync", entityType, entityId }),
    resolveConflict: (conflictId, resolution, value, version, side = "") =>
      ask({ type: "resolveConflict", conflictId, resolution, value, version, side }),
    undoConflict: (conflictId) => ask({ type: "undoConflict", conflictId }),
    subscribe(next) {
      subscribe = next;
      return ask({ type: "subscribe", subscribe: next });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onEvent(listener) {
      eventListeners.add(listener);
      return () => eventListeners.delete(listener);
    },
    onConflict(listener) {
      conflictListeners.add(listener);
      return () => conflictListeners.delete(listener);
    },
  };
}

function defaultUrl() {
  if (typeof location === "undefined") return "";
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}

/* With the page's own session. Elsewhere give `getTicket` a function that asks your server for one. */
async function defaultTicket() {
  const answer = await fetch("/api/ws/ticket", { method: "POST", credentials: "same-origin" });
  if (answer.status === 401) throw new Error("please log in again");
  if (!answer.ok) throw new Error(`no ticket: HTTP ${answer.status}`);
  return (await answer.json()).ticket;
}
