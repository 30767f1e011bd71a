/* Buttons that copy a field: `<button data-copy="id" data-done="Copied" hidden>`. They show
   themselves where this script runs. */

const DONE_MS = 2000;

export function reveal(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const word = button.textContent;
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select(); /* not https: the reader copies what is marked */
    return;
  }
  if (word === button.dataset.done) return;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = word; }, DONE_MS);
});

reveal(document);
