// Jobs that run are shown anew while somebody looks; without this the page is loaded again by hand.
"use strict";

const PAUSE = 2000;

async function look() {
  const shown = document.getElementById("jobs");
  if (!shown || !("live" in shown.dataset)) return;
  if (!document.hidden && !shown.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.href.split("#")[0], { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("jobs");
        if (fresh && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
      }
    } catch {
      // the server restarts, or the network is away: the next look may find it
    }
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE);
