// Keeps what is filled in as it goes, and shows what it brings up. Without this script
// each part is kept when it is left.
"use strict";

(() => {
  for (const each of document.querySelectorAll("time[data-local]")) {
    const at = new Date(each.dateTime);
    const form = { dateStyle: "medium", timeStyle: "short" };
    each.textContent = at.toLocaleString([], form);
  }

  const part = document.getElementById("part");
  if (!part) return;
  const said = document.getElementById("saved");
  let waiting = 0;
  let saving = null;
  let leaving = false;

  const save = async () => {
    const sent = new FormData(part);
    sent.set("do", "save");
    try {
      const answer = await fetch(part.action, {
        method: "POST",
        body: new URLSearchParams(sent),
        redirect: "manual",
      });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fields = page.getElementById("fields");
      if (!fields) throw new Error("another page");
      if (leaving) return;
      // Else loading the page again could send what was typed before.
      history.replaceState(null, "", part.action);
      follow(document.getElementById("fields"), fields);
      forgive();
      const clock = new Date().toLocaleTimeString([], { timeStyle: "short" });
      const told = page.getElementById("saved").textContent;
      said.textContent = told === "Saved" ? `Saved ${clock}` : told;
    } catch {
      said.textContent = "Not saved yet. It is kept when you go on.";
    }
  };

  // One at a time: each answer brings the cookie for the next.
  const soon = (delay) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      saving = Promise.resolve(saving).then(save);
    }, delay);
  };
  part.addEventListener("input", () => soon(1500));
  part.addEventListener("change", () => soon(300));

  part.addEventListener("submit", (event) => {
    clearTimeout(waiting);
    leaving = true;
    if (!saving) return;
    const pressed = event.submitter;
    event.preventDefault();
    const before = saving;
    saving = null;
    // Not at once: a form takes no second wish while it hears of the first.
    before.then(() => setTimeout(() => part.requestSubmit(pressed)));
  });

  // Whoever says it in their own words chooses that.
  part.addEventListener("input", (event) => {
    const name = event.target.name || "";
    if (!name.endsWith("~other") || !event.target.value) return;
    const other = part.querySelector(`input[type=radio][name="${CSS.escape(name.slice(0, -6))}"][value="~other"]`);
    if (other) other.checked = true;
  });

  // Puts in what is asked now and takes out what is not; what stands is left alone, so
  // nothing that is being typed is lost.
  const follow = (here, there) => {
    const wanted = [...there.children].filter((each) => each.id);
    for (const each of [...here.children]) {
      if (each.classList.contains("ask") && !wanted.some((w) => w.id === each.id && kind(w) === kind(each))) each.remove();
    }
    let last = null;
    for (const each of wanted) {
      const old = [...here.children].find((child) => child.id === each.id);
      if (!old) {
        const made = document.importNode(each, true);
        const first = here.querySelector(":scope > .ask");
        if (last) last.after(made);
        else if (first) first.before(made);
        else here.append(made);
        last = made;
        continue;
      }
      last = old;
      complain(old, each);
      for (const box of old.querySelectorAll(":scope > .under, :scope > fieldset, :scope > fieldset > fieldset.entry")) {
        const twin = [...each.querySelectorAll(".under, fieldset")].find((b) => sameBox(b, box, each, old));
        if (twin) follow(box, twin);
      }
      const under = each.querySelector(":scope > .under");
      const had = old.querySelector(":scope > .under");
      if (under && !had) old.append(document.importNode(under, true));
      if (!under && had) had.remove();
    }
  };

  // Takes back what stood above of complaints that are mended.
  const forgive = () => {
    const box = document.querySelector("main > .complaint");
    if (!box) return;
    for (const link of box.querySelectorAll("li a")) {
      if (!document.getElementById(`${link.hash.slice(1)}-wrong`)) link.closest("li").remove();
    }
    if (!box.querySelector("li")) box.remove();
  };

  const kind = (ask) => ask.querySelector("input[name=seen]")?.value ?? ask.textContent;

  const sameBox = (one, other, ofOne, ofOther) => path(one, ofOne) === path(other, ofOther);

  const path = (box, top) => {
    const steps = [];
    for (let each = box; each !== top; each = each.parentElement) {
      steps.push(each.id || each.className || each.tagName);
    }
    return steps.join(" ");
  };

  const complain = (old, fresh) => {
    const wrong = fresh.querySelector(`[id="${fresh.id}-wrong"]`);
    const had = old.querySelector(`[id="${old.id}-wrong"]`);
    if (had && !wrong) had.remove();
    if (wrong && had) had.textContent = wrong.textContent;
    if (wrong && !had) {
      const before = old.querySelector(":scope > label, :scope > fieldset > legend");
      if (before) before.after(document.importNode(wrong, true));
    }
    const field = old.querySelector(`[id="${old.id}-in"]`);
    if (!field) return;
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  };
})();
