/*
 * The live client, without a framework: a store (`subscribe`, `getSnapshot`) that keeps itself
 * connected. README.md tells how to use it, docs/websocket.md what goes over the wire.
 *
 * Events come once and in order, over lost connections too: the cursor of the last one is sent when
 * the connection is made again, and what was seen already is dropped. Nothing here grows without
 * end, and nothing relies on timers being on time: a background tab's are not.
 */

const MOST_EVENTS = 200;
const MOST_CONFLICTS = 500;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const TICKET_MS = 10000;
const HELLO_MS = 15000;
const SILENCE_MS = 12000; // the server says something every 4 s at least
const PROBE_MS = 5000;
const ANSWER_MS = 15000;
const TELL_MS = 16;
const PROTOCOL = "smartstore.v1";
const NO_FILTER = { types: [], entities: [], sources: [] };

/** What went wrong, in words; `problem` is the server's own (RFC 9457) where it sent one. */
export class RealTimeSyncError extends Error {
  constructor(message, problem = null) {
    super(message);
    this.name = "RealTimeSyncError";
    this.problem = problem;
  }
}

/** A live connection. Every option may be left out on a page of the server itself. */
export function createRealTimeSync({
  url = pageOrigin(),
  organizationId = "",
  autoConnect = true,
  getTicket,
  apiKey,
  filter = NO_FILTER,
  cursor: startCursor = "",
  mostEvents = MOST_EVENTS,
} = {}) {
  let state = {
    isConnected: false, syncStatus: null, events: [], conflicts: [], lostAt: null, error: "",
  };
  const listeners = new Set();
  const eventListeners = new Set();
  const conflictListeners = new Set();
  const gapListeners = new Set();
  const waiting = new Map();
  const timers = { retry: 0, silence: 0, tell: 0 };
  let cursor = startCursor;
  let wanted = false;
  let socket = null;
  let attempt = 0;
  let failures = 0;
  let requests = 0;

  /* State: replaced, never changed, so that a snapshot stays what it was. Listeners are told at
     most once a frame, however much arrives. */
  function set(changes) {
    state = { ...state, ...changes };
    if (!timers.tell) timers.tell = setTimeout(tell, TELL_MS);
  }

  function tell() {
    timers.tell = 0;
    for (const listener of [...listeners]) listener(state);
  }

  /* The connection */
  async function open() {
    clearTimeout(timers.retry);
    const mine = ++attempt;
    let address, ticket;
    try {
      address = socketAddress(url);
      ticket = await (getTicket ? getTicket() : fetchTicket(address, apiKey));
    } catch (error) {
      if (mine === attempt) lost(error.message || "no ticket");
      return;
    }
    if (mine !== attempt || !wanted) return;
    const fresh = new WebSocket(address, [PROTOCOL]);
    socket = fresh;
    fresh.onopen = () =>
      fresh.send(JSON.stringify({ type: "connect", ticket, cursor, subscribe: filter }));
    fresh.onmessage = (message) => {
      if (socket === fresh) receive(JSON.parse(message.data));
    };
    fresh.onclose = (event) => {
      if (socket === fresh) lost(event.reason);
    };
    expectSign(HELLO_MS);
  }

  function lost(reason) {
    abandon();
    set({
      isConnected: false,
      error: reason || "",
      lostAt: state.isConnected || state.lostAt === null ? Date.now() : state.lostAt,
    });
    if (!wanted) return;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++);
    timers.retry = setTimeout(open, wait * (0.5 + Math.random() / 2));
  }

  /* Whatever is under way no longer counts. */
  function abandon() {
    attempt++;
    clearTimeout(timers.retry);
    clearTimeout(timers.silence);
    const old = socket;
    socket = null;
    if (old) old.close(1000);
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer);
      reject(new RealTimeSyncError("connection lost"));
    }
    waiting.clear();
  }

  /* A connection that says nothing for long is dead, whatever the browser thinks of it. */
  function expectSign(within) {
    clearTimeout(timers.silence);
    timers.silence = setTimeout(() => lost("no sign of life"), within);
  }

  /* The tab is seen again, or the network came or went: do not wait for a throttled timer. */
  function stir() {
    if (!wanted || (typeof document !== "undefined" && document.hidden)) return;
    if (state.isConnected) {
      expectSign(PROBE_MS);
      socket.send(JSON.stringify({ type: "ping" }));
    } else if (!socket) {
      failures = 0;
      open();
    }
  }

  /* What comes */
  function receive(message) {
    expectSign(state.isConnected || message.type === "hello" ? SILENCE_MS : HELLO_MS);
    answer(message);
    if (message.type === "hello") hello(message);
    else if (message.type === "event") addEvent(message.event);
    else if (message.type === "conflict") setConflict(message.conflict);
    else if (message.type === "batches") each(conflictListeners, null);
    else if (message.type === "status") set({ syncStatus: message.syncStatus });
    else if (message.type === "gap") each(gapListeners, message.help);
  }

  function hello(message) {
    if (organizationId && message.organizationId !== organizationId) {
      disconnect();
      set({ error: "the session is of another organisation" });
      return;
    }
    const missed = cursor !== "" && !message.resumed;
    if (!message.resumed) cursor = message.cursor;
    failures = 0;
    set({
      isConnected: true,
      lostAt: null,
      error: "",
      syncStatus: message.syncStatus,
      conflicts: message.conflicts.slice(0, MOST_CONFLICTS),
      events: message.resumed ? state.events : message.events.slice(-mostEvents).reverse(),
    });
    if (missed) each(gapListeners, "The server does not know that cursor; load your data again.");
    each(conflictListeners, null);
  }

  function addEvent(event) {
    if (seen(event.cursor)) return;
    cursor = event.cursor;
    set({ events: [event, ...state.events.slice(0, mostEvents - 1)] });
    each(eventListeners, event);
  }

  /* The server sends each line once; after a restart in the wrong moment it may begin too early. */
  function seen(place) {
    const [partition, offset] = place.split("-");
    const [knownPartition, knownOffset] = cursor.split("-");
    return partition === knownPartition && Number(offset) <= Number(knownOffset);
  }

  function setConflict(conflict) {
    const known = state.conflicts.find((one) => one.id === conflict.id);
    if (known && known.version > conflict.version) return;
    const others = state.conflicts.filter((one) => one.id !== conflict.id);
    const open = conflict.status === "open";
    set({ conflicts: open ? [conflict, ...others].slice(0, MOST_CONFLICTS) : others });
    each(conflictListeners, conflict);
  }

  /* What is asked */
  function ask(message) {
    if (!socket || !state.isConnected) {
      return Promise.reject(new RealTimeSyncError("not connected"));
    }
    const requestId = `r${++requests}`;
    socket.send(JSON.stringify({ ...message, requestId }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(requestId);
        reject(new RealTimeSyncError("no answer"));
      }, ANSWER_MS);
      waiting.set(requestId, { resolve, reject, timer });
    });
  }

  function answer(message) {
    const asked = waiting.get(message.requestId);
    if (!asked) return;
    waiting.delete(message.requestId);
    clearTimeout(asked.timer);
    const { problem, conflict } = message;
    if (conflict) setConflict(conflict);
    if (message.type !== "error") asked.resolve(message);
    else asked.reject(new RealTimeSyncError(problem.detail || problem.title, problem));
  }

  function resolveConflict(conflictId, resolution, value, version, side) {
    const known = state.conflicts.find((one) => one.id === conflictId);
    return ask({
      type: "resolveConflict", conflictId, resolution, value, side,
      version: version ?? known?.version,
    });
  }

  function connect() {
    if (wanted) return;
    wanted = true;
    failures = 0;
    listenToBrowser("addEventListener", stir);
    open();
  }

  function disconnect() {
    wanted = false;
    listenToBrowser("removeEventListener", stir);
    abandon();
    set({ isConnected: false });
  }

  if (autoConnect) connect();

  return {
    get isConnected() { return state.isConnected; },
    get syncStatus() { return state.syncStatus; },
    get events() { return state.events; },
    get conflicts() { return state.conflicts; },
    get lostAt() { return state.lostAt; },
    get error() { return state.error; },
    get cursor() { return cursor; },
    connect,
    disconnect,
    resolveConflict,
    forceSync: (entityType, entityId) => ask({ type: "forceSync", entityType, entityId }),
    undoConflict: (conflictId) => ask({ type: "undoConflict", conflictId }),
    setFilter(next) {
      filter = { ...NO_FILTER, ...next };
      return state.isConnected ? ask({ type: "subscribe", subscribe: filter }) : Promise.resolve();
    },
    getSnapshot: () => state,
    subscribe: (listener) => added(listeners, listener),
    onChange: (listener) => added(listeners, listener),
    onEvent: (listener) => added(eventListeners, listener),
    onConflict: (listener) => added(conflictListeners, listener),
    onGap: (listener) => added(gapListeners, listener),
  };
}

function added(set, listener) {
  set.add(listener);
  return () => set.delete(listener);
}

function each(set, value) {
  for (const listener of [...set]) listener(value);
}

function listenToBrowser(how, listener) {
  if (typeof window === "undefined" || !window[how]) return;
  for (const name of ["online", "offline", "pageshow"]) window[how](name, listener);
  document[how]("visibilitychange", listener);
}

function pageOrigin() {
  return typeof location === "undefined" ? "" : location.origin;
}

/* "https://shop.example", "wss://shop.example:3001" or the whole address of the WebSocket. */
function socketAddress(url) {
  if (!url) throw new RealTimeSyncError("url is needed outside a page of the server");
  const found = new URL(url);
  found.protocol = found.protocol.replace("http", "ws");
  if (found.pathname === "/") found.pathname = "/ws";
  return found.href;
}

/* With an API key where one is given (programs only), else with the page's own session. */
async function fetchTicket(address, apiKey) {
  const place = new URL("/api/ws/ticket", address);
  place.protocol = place.protocol.replace("ws", "http");
  const key = typeof apiKey === "function" ? await apiKey() : apiKey;
  const answer = await fetch(place, {
    method: "POST",
    credentials: key ? "omit" : "same-origin",
    headers: key ? { authorization: `Bearer ${key}` } : {},
    signal: AbortSignal.timeout(TICKET_MS),
  });
  if (answer.status === 401) {
    throw new RealTimeSyncError(key ? "the API key is not valid" : "please log in again");
  }
  if (!answer.ok) throw new RealTimeSyncError(`no ticket: HTTP ${answer.status}`);
  return (await answer.json()).ticket;
}
