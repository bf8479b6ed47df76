// Lights up where the patient said what the summary says, and the other way round, says
// when a summary is there, and copies the link. Without this script the links do the
// first, loading the page again the second, and a hand the third.
"use strict";

(() => {
  const target = (link) => document.getElementById(link.hash.slice(1));

  // Both ends of all links between an item and the words that it stands on.
  const tied = (at) => {
    const item = at.closest(".intake-item");
    if (item) return [item, ...[...item.querySelectorAll("a[data-source]")].map(target)];
    const mark = at.closest(".intake-answers mark");
    const back = at.closest("a[data-item]");
    if (back) return tied(target(back));
    if (!mark) return [];
    const links = [...document.querySelectorAll("a[data-source]")];
    const told = links.filter((link) => target(link)?.contains(mark) || target(link) === mark);
    return [mark, ...told.map((link) => link.closest(".intake-item"))];
  };

  const light = (event) => {
    for (const each of document.querySelectorAll(".lit")) each.classList.remove("lit");
    if (event.type === "mouseout" || event.type === "focusout") return;
    if (!(event.target instanceof Element)) return;
    for (const each of tied(event.target)) each?.classList.add("lit");
  };
  for (const kind of ["mouseover", "mouseout", "focusin", "focusout"]) {
    document.addEventListener(kind, light);
  }

  // Whoever does not see the summary come hears of it.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "review") return;
    document.getElementById("said").textContent = document.getElementById("summary-title").textContent;
  });

  for (const field of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "secondary";
    button.textContent = field.dataset.copy;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy"); // Where the page was not reached by HTTPS.
      }
      document.getElementById("copied").textContent = "Copied.";
    });
    field.after(button);
  }
})();
