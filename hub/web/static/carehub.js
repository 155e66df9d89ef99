// Carehub's own script: starts the design system's components and keeps live regions calm.
// Every page works without it.
import { initAll } from "./vendor/nhsuk-frontend.min.js";

initAll();

// Past this many failed refreshes in a row a region says that it may be out of date.
const FAILURES_SHOWN = 2;

function stale(region, isStale) {
  const note = region.parentElement.querySelector("[data-live-note]");
  if (note) note.hidden = !isStale;
}

// A live region asks "has it changed since?"; the answer is usually 304 and nothing moves.
document.body.addEventListener("htmx:configRequest", (event) => {
  const region = event.detail.elt;
  if (region.dataset.etag) event.detail.headers["If-None-Match"] = region.dataset.etag;
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  const region = event.detail.elt;
  if (!region.matches("[data-live]")) return;
  const etag = event.detail.xhr && event.detail.xhr.getResponseHeader("ETag");
  if (etag) region.dataset.etag = etag;
  const answered = event.detail.xhr && event.detail.xhr.status > 0 && event.detail.xhr.status < 500;
  const failures = answered ? 0 : Number(region.dataset.failures || 0) + 1;
  region.dataset.failures = String(failures);
  stale(region, failures >= FAILURES_SHOWN);
});

// A region is not swapped under somebody's keyboard focus: it waits for the next refresh.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  if (!region.matches("[data-live]")) return;
  if (event.detail.xhr.status === 304) {
    event.detail.shouldSwap = false;
    return;
  }
  const focused = document.activeElement;
  if (focused && region.contains(focused) && focused.id) {
    region.dataset.focus = focused.id;
  }
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  const region = event.detail.target;
  const id = region.dataset && region.dataset.focus;
  if (id) {
    delete region.dataset.focus;
    const again = document.getElementById(id);
    if (again) again.focus({ preventScroll: true });
  }
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method.toLowerCase() === "post") form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Conditional parts of a form: shown with the choice they belong to, all shown without script.
for (const group of document.querySelectorAll("[data-choose]")) {
  const show = () => {
    const chosen = group.querySelector("input[type=radio]:checked");
    for (const part of group.querySelectorAll("[data-when]")) {
      part.hidden = !chosen || !part.dataset.when.split(" ").includes(chosen.value);
    }
  };
  group.addEventListener("change", show);
  show();
}
