/* On a connection's page: copies the webhook address, and waits for the first event. */
import "./copying.js";

const EVERY_MS = 2000;

async function look() {
  const waiting = document.querySelector("#heard[data-waiting]");
  if (!waiting) return;
  try {
    const answer = await fetch(waiting.dataset.waiting, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("heard");
    if (answer.ok && fresh && !fresh.dataset.waiting) {
      /* The same element stays, so that its role="status" is read out. */
      waiting.dataset.tone = fresh.dataset.tone;
      waiting.replaceChildren(...fresh.childNodes);
      delete waiting.dataset.waiting;
      return;
    }
  } catch {
    /* The next look tries again. */
  }
  setTimeout(look, EVERY_MS);
}

look();
