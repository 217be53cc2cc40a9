// Jobs that run, and what comes of them (data-of-jobs), are shown anew while somebody looks;
// without this the page is loaded again by hand.
"use strict";

const PAUSE = 2000;

function isLive() {
  const shown = document.getElementById("jobs");
  return shown !== null && "live" in shown.dataset;
}

// Whether all is shown as it is in the other page; what somebody is about to use stays.
function renew(page) {
  let isAll = true;
  for (const shown of document.querySelectorAll("#jobs, [data-of-jobs]")) {
    const fresh = page.getElementById(shown.id);
    if (shown.contains(document.activeElement)) isAll = false;
    else if (fresh) shown.replaceWith(fresh);
  }
  return isAll;
}

async function look() {
  let isAll = false;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href.split("#")[0], { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) {
        isAll = renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // the server restarts, or the network is away: the next look may find it
    }
  }
  if (isLive() || !isAll) setTimeout(look, PAUSE);
}

if (isLive()) setTimeout(look, PAUSE);
