// The one script: keeps lists fresh while something is under way, and previews a changed choice.
// Everything works without it, by links and buttons.
"use strict";

// Lists: data-live holds the address of the fragment, data-every the pause in milliseconds, which the
// fragment itself says anew each time.
for (const region of document.querySelectorAll("[data-live]")) {
  let failures = 0;
  const pause = () => {
    const inner = region.firstElementChild;
    const every = Number(inner && inner.dataset.every) || 5000;
    return Math.min(every * 2 ** failures, 60000);
  };
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(region.dataset.live, { headers: { accept: "text/html" } });
        if (answer.redirected) return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        show(region, await answer.text());
        failures = 0;
      } catch {
        failures = Math.min(failures + 1, 6);
      }
    }
    setTimeout(look, pause());
  };
  setTimeout(look, pause());
}

// Replaces only what differs, and never under somebody's fingers.
function show(region, html) {
  const busy = region.contains(document.activeElement) && document.activeElement !== region;
  if (html === region.dataset.last || busy) return;
  region.dataset.last = html;
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const status = document.getElementById(region.dataset.status);
  const news = fresh.querySelector("[data-news]");
  if (status && news && status.textContent !== news.dataset.news) status.textContent = news.dataset.news;
  region.replaceChildren(...fresh.childNodes);
}

// Choices that are shown at once.
for (const form of document.querySelectorAll("form[data-instant]")) {
  form.addEventListener("change", () => form.requestSubmit());
  for (const button of form.querySelectorAll("[data-plain]")) button.hidden = true;
}

// Words that were changed are previewed before they are released.
for (const form of document.querySelectorAll("form[data-before]")) {
  form.addEventListener("input", () => {
    const button = document.getElementById(form.dataset.before);
    button.disabled = true;
    button.textContent = "Prima aggiorni l’anteprima";
  });
}

// A second click while the first is on its way does nothing (the server would take it for the same).
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
