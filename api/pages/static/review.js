/* Keeps "Your decision" on /sync up to date. The server renders the section, with everything
 * escaped; here it is fetched again when a conflict moves, and only what has changed is put into
 * the page, so that nobody loses what they are typing or where they are. */

const AGAIN_MS = 1000;
const SOON_MS = 120;
const UNDER_WAY = ".action[data-state=queued], .action[data-state=running]";

const at = (id) => document.getElementById(id);

export function review({ localTimes, say, speak }) {
  let timer = 0;
  let last = 0;
  let busy = 0;

  /* Soon, but at most once a second: rules may decide hundreds of conflicts at once. */
  function refresh() {
    if (timer) return;
    timer = setTimeout(fetchAgain, Math.max(SOON_MS, last + AGAIN_MS - Date.now()));
  }

  async function fetchAgain() {
    timer = 0; /* what moves from here on may be missing in the answer: it asks again */
    last = Date.now();
    try {
      const answer = await fetch("/sync/review", { credentials: "same-origin" });
      if (answer.ok && !busy) put(await answer.text(), false);
    } catch {
      /* The next change, or the next connection, asks again. */
    }
    if (document.querySelector(UNDER_WAY)) refresh();
  }

  function put(html, withNote) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    if (!fresh.getElementById("review")) return false;
    for (const id of ["batch-list", "conflict-list"]) patch(at(id), fresh.getElementById(id));
    for (const id of ["automatic", "by-people"]) replaceList(id, fresh.getElementById(id));
    at("no-conflicts").hidden = fresh.getElementById("no-conflicts").hidden;
    if (withNote) {
      at("told")?.remove();
      const told = fresh.getElementById("told");
      if (told) {
        at("review").querySelector(".panel-head").after(document.adoptNode(told));
        speak(told.querySelector("p").textContent);
      }
    }
    localTimes(at("review"));
    return true;
  }

  /* Cards keep their place; one is replaced only when its version is another. */
  function patch(list, wanted) {
    const known = new Map([...list.children].map((card) => [card.dataset.id, card]));
    for (const card of [...wanted.children]) {
      const old = known.get(card.dataset.id);
      known.delete(card.dataset.id);
      if (old && (old.dataset.version === card.dataset.version || inUse(old, card))) continue;
      const fresh = document.adoptNode(card);
      if (!old) {
        list.append(fresh);
        continue;
      }
      const focused = old.contains(document.activeElement);
      old.replaceWith(fresh);
      if (focused) fresh.querySelector("button, a")?.focus();
    }
    for (const card of known.values()) {
      const focused = card.contains(document.activeElement);
      card.remove();
      if (focused) at("conflicts").focus();
    }
  }

  /* Somebody is choosing on a card whose values are still the same: it stays as it is. */
  function inUse(old, fresh) {
    return old.dataset.values && old.dataset.values === fresh.dataset.values
      && (old.contains(document.activeElement) || old.querySelector("details[open], :checked"));
  }

  function replaceList(id, wanted) {
    const old = at(id);
    const name = (row) => row.dataset.id + row.textContent;
    const same = (one, other) =>
      [...one.querySelectorAll("li")].map(name).join() === [...other.querySelectorAll("li")].map(name).join();
    if (!wanted) old?.remove();
    else if (!old) at("review").append(document.adoptNode(wanted));
    else if (!same(old, wanted)) {
      const fresh = document.adoptNode(wanted);
      fresh.open = old.open;
      const focused = old.contains(document.activeElement);
      old.replaceWith(fresh);
      if (focused) fresh.querySelector("summary").focus();
    }
  }

  /* Each form does what it would do without this script; its answer is the page. */
  at("review").addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    const { target: form, submitter } = submitted;
    const body = new URLSearchParams(new FormData(form));
    if (submitter?.name) body.append(submitter.name, submitter.value);
    const holder = form.closest("article, li, #told") || form;
    const buttons = [...holder.querySelectorAll("button")];
    const word = submitter?.textContent;
    for (const button of buttons) button.disabled = true;
    if (submitter) submitter.textContent = say("moment");
    busy += 1;
    try {
      const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
      if (new URL(answer.url).pathname === "/login") location.reload(); /* asks, and comes back here */
      if (!answer.ok || !put(await answer.text(), true)) throw new Error("no answer");
    } catch {
      speak(say("broken"));
      tell(say("broken"));
    } finally {
      busy -= 1;
      for (const button of buttons) button.disabled = false;
      if (submitter) submitter.textContent = word;
      refresh();
    }
  });

  function tell(text) {
    let told = at("told");
    if (!told) {
      told = document.createElement("div");
      told.id = "told";
      told.className = "note told";
      at("review").querySelector(".panel-head").after(told);
    }
    const words = document.createElement("p");
    words.setAttribute("role", "status");
    words.textContent = text;
    told.replaceChildren(words);
  }

  if (document.querySelector(UNDER_WAY)) refresh();
  return { refresh };
}
