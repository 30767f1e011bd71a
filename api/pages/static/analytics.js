/* Keeps the figures fresh while the page is looked at: the server draws them, here they are put in
 * place of the old ones. What the reader has opened stays open; while something in them has the
 * focus, nothing moves. */

const AGAIN_MS = 10_000;
const figures = () => document.getElementById("figures");

async function refresh() {
  const shown = figures();
  if (document.hidden || shown.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("figures");
    if (!fresh || fresh.isEqualNode(shown)) return;
    for (const part of shown.querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`#${part.id}`);
      if (same) same.open = part.open;
      const [before, after] = [part, same].map((one) => one?.querySelector(".scroll"));
      if (before && after) after.dataset.scrolled = `${before.scrollLeft},${before.scrollTop}`;
    }
    shown.replaceWith(document.adoptNode(fresh));
    for (const part of figures().querySelectorAll("[data-scrolled]")) {
      [part.scrollLeft, part.scrollTop] = part.dataset.scrolled.split(",").map(Number);
      delete part.dataset.scrolled;
    }
  } catch {
    /* Away for a moment: the next turn asks again. */
  }
}

setInterval(refresh, AGAIN_MS);
document.addEventListener("visibilitychange", refresh);
