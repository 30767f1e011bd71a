/* Opens events in a drawer beside the list; without this script they are pages of their own. The
   address tells what is open (`open=…`), so reloading, going back and sending a link work. */
import { reveal } from "./copying.js";

const PLACE = /^[0-9]+-[0-9]+(?:\/then)?$/;
const drawer = document.getElementById("drawer");
const shown = document.getElementById("drawer-page");
let asked = "";

const opened = () => {
  const place = new URLSearchParams(location.search).get("open") || "";
  return PLACE.test(place) ? place : "";
};

function address(place) {
  const url = new URL(location.href);
  if (place) url.searchParams.set("open", place);
  else url.searchParams.delete("open");
  return url;
}

function placeOf(link) {
  const place = link.pathname.replace("/events/", "");
  return link.origin === location.origin && link.pathname.startsWith("/events/") && PLACE.test(place) ? place : "";
}

function mark(place) {
  for (const link of document.querySelectorAll("#main .events .title a")) {
    link.closest("li").toggleAttribute("data-open", Boolean(place) && place.startsWith(placeOf(link)));
  }
}

async function show(place) {
  asked = place;
  drawer.setAttribute("aria-busy", "true");
  let fresh = null;
  try {
    const answer = await fetch(`/events/${place}`, { credentials: "same-origin" });
    if (new URL(answer.url).pathname === "/login") return location.reload();
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  } catch {
    return location.assign(`/events/${place}`);
  }
  if (asked !== place) return undefined; /* another was asked for meanwhile, or the drawer closed */
  shown.replaceChildren(...[...fresh.children].map((part) => document.adoptNode(part)));
  reveal(shown);
  drawer.removeAttribute("aria-busy");
  mark(place);
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
  const heading = shown.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  return undefined;
}

document.addEventListener("click", (event) => {
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[href]");
  const place = link && placeOf(link);
  if (!place) return;
  event.preventDefault();
  history.pushState(null, "", address(place));
  show(place);
});

drawer.addEventListener("click", (event) => {
  if (event.target === drawer) drawer.close(); /* beside it */
});
document.getElementById("drawer-close").addEventListener("click", () => drawer.close());
drawer.addEventListener("close", () => {
  asked = "";
  mark("");
  if (opened()) history.replaceState(null, "", address(""));
});

function follow() {
  const place = opened();
  if (place) show(place);
  else if (drawer.open) drawer.close();
}

addEventListener("popstate", follow);
follow();
