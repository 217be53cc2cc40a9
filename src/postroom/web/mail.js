// Mail with the keyboard, all ticked at once, and new messages without loading the page again.
// Everything here is there without it, too: a key presses a button or follows a link (data-key).
"use strict";

const PAUSE = 30000;
const OFF = "postroom-keys-off";

const letters = () => [...document.querySelectorAll(".letters td a")];

function isTyping(element) {
  return element.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

function step(by) {
  const all = letters();
  const at = all.indexOf(document.activeElement.closest("tr")?.querySelector("td a"));
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
}

function tick() {
  const box = document.activeElement.closest("tr")?.querySelector("input[type=checkbox]");
  if (box) box.checked = !box.checked;
}

// An act without a tick is for the message that has the focus.
function press(key) {
  const found = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!found) return false;
  if (found.name === "act" && !document.querySelector(".letters input:checked")) tick();
  if (found.matches("input")) found.focus();
  else found.click();
  return true;
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (localStorage.getItem(OFF) || isTyping(event.target)) return;
  const moves = { j: () => step(1), k: () => step(-1), x: tick };
  if (event.key in moves && letters().length) moves[event.key]();
  else if (!press(event.key)) return;
  event.preventDefault();
});

for (const shown of document.querySelectorAll("[data-of-script]")) shown.hidden = false;

const keys = document.getElementById("keys");
if (keys) {
  keys.checked = !localStorage.getItem(OFF);
  keys.addEventListener("change", () => {
    if (keys.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
}

const every = document.getElementById("every");
every?.addEventListener("change", () => {
  for (const box of document.querySelectorAll(".letters td input")) box.checked = every.checked;
});

// What somebody is about to use stays as it is until the next look.
function renew(page) {
  for (const id of ["boxes", "letters"]) {
    const shown = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!shown || !fresh || shown.contains(document.activeElement)) continue;
    if (shown.querySelector("input:checked")) continue;
    if (shown.innerHTML !== fresh.innerHTML) shown.replaceChildren(...fresh.childNodes);
  }
  document.title = page.title;
}

async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href.split("#")[0], { credentials: "same-origin" });
      if (answer.redirected) return; // logged out
      if (answer.ok) renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // the server restarts, or the network is away: the next look may find it
    }
  }
  setTimeout(look, PAUSE);
}

if (document.getElementById("letters")) setTimeout(look, PAUSE);

// How safely it goes, as soon as an address is typed.
async function lookAtWays(form) {
  const asked = new URLSearchParams();
  for (const name of ["from", "to", "cc", "bcc"]) asked.set(name, form.elements[name]?.value ?? "");
  try {
    const answer = await fetch(`/mail/ways?${asked}`, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("ways");
    if (fresh) document.getElementById("ways").replaceChildren(...fresh.childNodes);
  } catch {
    // the network is away: the button asks again
  }
}

for (const field of document.querySelectorAll("input[data-people]")) {
  field.addEventListener("change", () => lookAtWays(field.form));
}

// Addresses of people written to before, after each comma of a field.
for (const field of document.querySelectorAll("input[data-people]")) {
  const source = document.getElementById("people");
  const list = document.createElement("datalist");
  list.id = `people-of-${field.name}`;
  field.after(list);
  field.setAttribute("list", list.id);
  const offer = () => {
    const before = /^(?:.*[,;] *)?/.exec(field.value)[0];
    const begun = field.value.slice(before.length).toLowerCase();
    const known = [...source.options].map((one) => one.value);
    const fit = known.filter((one) => one.toLowerCase().includes(begun) && !before.includes(one));
    list.replaceChildren(...fit.slice(0, 8).map((one) => new Option("", before + one)));
  };
  field.addEventListener("input", offer);
  offer();
}
