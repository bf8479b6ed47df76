// What the pages do more smoothly with a script. Nothing depends on it but dragging.
"use strict";

(() => {
  const html = document.documentElement;
  html.classList.add("scripted");
  const STEP = 5; // Minutes in a row of the board.
  const board = () => document.getElementById("board");
  const panel = () => document.getElementById("panel");
  const drawer = () => document.querySelector(".drawer");
  let busy = false; // While a visit is being moved the board must not change.
  let opener = null; // The id of what opened the drawer.

  const at = (event, what) => event.target.closest?.(what); // The page itself is none.

  const say = (words) => {
    document.getElementById("said").textContent = words;
  };

  // The drawer: pages about visits open beside the board.

  const isDrawn = (link) =>
    drawer() && link.origin === location.origin && /^\/(visits\/|book(\?|$))/.test(link.pathname + link.search);

  const ask = (method, path, values) =>
    htmx
      .ajax(method, path, { source: panel(), target: "#panel", select: "#panel", swap: "outerHTML", values })
      .catch(() => {}); // What went wrong is said where it is noticed.

  const close = () => {
    const empty = document.createElement("section");
    empty.id = "panel";
    empty.hidden = true;
    panel().replaceWith(empty);
    const back = opener && document.getElementById(opener);
    (back || board()).focus();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (drawer() && link.closest("#panel .close")) {
      event.preventDefault();
      close();
    } else if (isDrawn(link)) {
      event.preventDefault();
      if (!link.closest("#panel")) opener = link.id || null;
      ask("GET", link.pathname + link.search);
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!drawer() || !form.closest("#panel") || event.defaultPrevented) return;
    const path = new URL(form.action).pathname;
    if (!/^\/(visits\/|book$)/.test(path)) return;
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form, event.submitter));
    ask(form.method.toUpperCase(), path, values);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !busy && drawer() && panel() && !panel().hidden) close();
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "panel" && event.detail.target.id !== "panel") return;
    const title = document.getElementById("panel-title");
    const wrong = panel().querySelector("[role=alert]");
    if (wrong) wrong.scrollIntoView({ block: "nearest" });
    if (title) title.focus({ preventScroll: Boolean(wrong) });
  });

  // Today's board begins where the day is by now.

  const now = board() && board().querySelector(".now");
  if (now) board().scrollTop = now.offsetTop - board().clientHeight / 3;

  // The board draws itself anew, but not while nobody looks or something is moved.

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id === "board" && (busy || document.hidden)) event.preventDefault();
  });

  // What does not arrive is said, and nothing else takes the place of what is shown.

  const NOT_THERE = "The clinic cannot be reached.";
  const NOT_RIGHT = "The clinic does not answer as it should.";
  const OLD = "What is shown may be old.";
  const UNCHANGED = "Nothing was changed.";
  const UNCERTAIN = "It is not certain whether that was done: look before you do it again.";

  const trouble = () => document.getElementById("trouble");
  let isOfStep = false; // Whether somebody did what the trouble was with.

  const isStep = ({ elt, requestConfig }) => elt === panel() || requestConfig.verb !== "get";

  const outcomeOf = (request) => {
    if (!isStep(request)) return OLD;
    return request.requestConfig.verb === "get" ? UNCHANGED : UNCERTAIN;
  };

  const complain = (request, what) => {
    if (!isStep(request) && !trouble().hidden) return; // Said once, and not every few seconds.
    isOfStep = isStep(request);
    trouble().textContent = `${what} ${outcomeOf(request)}`;
    trouble().hidden = false;
    say(trouble().textContent);
  };

  for (const kind of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(kind, (event) => complain(event.detail, NOT_THERE));
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    // What we refuse says so in that place; what a server between us says knows of none.
    const hasPlace = xhr.responseText.includes(`id="${target.id}"`);
    if (xhr.status >= 400 && !hasPlace) {
      event.detail.shouldSwap = false;
      complain(event.detail, NOT_RIGHT);
    } else if (isStep(event.detail) || !isOfStep) {
      trouble().hidden = true;
    }
  });

  // Moving a visit: dragged, or by the keyboard.

  const clock = (minutes) =>
    `${String(Math.floor(minutes / 60) % 24).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  const told = (minutes) =>
    new Date(minutes * 60000).toLocaleTimeString(html.lang, { hour: "numeric", minute: "2-digit", timeZone: "UTC" });
  const first = () => Number(board().querySelector("[data-first]").dataset.first);
  const tracks = () => [...board().querySelectorAll(".column .track")];
  const rowsOf = (track) => Number([...track.classList].find((name) => /^n\d+$/.test(name)).slice(1));
  const placeOf = (item) => {
    const number = (letter) => Number([...item.classList].find((name) => RegExp(`^${letter}\\d+$`).test(name)).slice(1));
    return { row: number("r"), rows: number("n") };
  };

  const move = (link, track, row) => {
    const column = track.closest(".column");
    opener = link.id;
    ask("POST", `${link.pathname}/move`, {
      form: document.querySelector("input[name=form]").value,
      version: link.dataset.v,
      doctor_id: column.dataset.doctor,
      date: column.dataset.date,
      start_time: clock(first() + (row - 1) * STEP),
    });
  };

  const ghost = document.createElement("div");
  const show = (track, row, rows) => {
    ghost.className = `ghost r${row} n${rows}`;
    ghost.textContent = told(first() + (row - 1) * STEP);
    track.append(ghost);
  };

  let dragged = null;

  document.addEventListener("pointerover", (event) => {
    const link = at(event, "a[data-v]");
    if (link) link.draggable = true;
  });

  document.addEventListener("dragstart", (event) => {
    const link = at(event, "a[data-v]");
    if (!link) return;
    const item = link.closest("li");
    const grip = event.clientY - item.getBoundingClientRect().top;
    dragged = { link, item, grip, ...placeOf(item) };
    busy = true;
    item.classList.add("going");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });

  const rowAt = (track, y, { grip, rows }, fine) => {
    const box = track.getBoundingClientRect();
    const height = box.height / rowsOf(track);
    const step = fine ? 1 : 3;
    const row = Math.round((y - grip - box.top) / height / step) * step + 1;
    return Math.min(Math.max(row, 1), rowsOf(track) - rows + 1);
  };

  document.addEventListener("dragover", (event) => {
    const track = at(event, ".column .track");
    if (!dragged || !track) return;
    event.preventDefault();
    show(track, rowAt(track, event.clientY, dragged, event.shiftKey), dragged.rows);
  });

  document.addEventListener("drop", (event) => {
    const track = at(event, ".column .track");
    if (!dragged || !track) return;
    event.preventDefault();
    move(dragged.link, track, rowAt(track, event.clientY, dragged, event.shiftKey));
  });

  document.addEventListener("dragend", () => {
    if (dragged) dragged.item.classList.remove("going");
    ghost.remove();
    dragged = null;
    busy = false;
  });

  let carried = null;
  const lay = () => {
    carried.item.classList.remove("going");
    ghost.remove();
    carried = null;
    busy = false;
  };
  const leave = () => {
    lay();
    say("It stays where it was.");
  };

  document.addEventListener("keydown", (event) => {
    const link = at(event, "a[data-v]");
    if (!link) return;
    if (!carried) {
      if (event.key.toLowerCase() !== "m" || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const item = link.closest("li");
      carried = { item, track: item.closest(".track"), ...placeOf(item) };
      busy = true;
      item.classList.add("going");
      show(carried.track, carried.row, carried.rows);
      say("Moving. Arrow keys choose the time, Enter moves it, Escape leaves it.");
      return;
    }
    const all = tracks();
    const step = event.shiftKey ? 1 : 3;
    const place = all.indexOf(carried.track);
    if (event.key === "ArrowUp") carried.row = Math.max(1, carried.row - step);
    else if (event.key === "ArrowDown") carried.row = Math.min(rowsOf(carried.track) - carried.rows + 1, carried.row + step);
    else if (event.key === "ArrowLeft") carried.track = all[Math.max(0, place - 1)];
    else if (event.key === "ArrowRight") carried.track = all[Math.min(all.length - 1, place + 1)];
    else if (event.key === "Enter") {
      const { track, row } = carried;
      event.preventDefault();
      lay();
      move(link, track, row);
      return;
    } else if (event.key === "Escape") {
      leave();
      return;
    } else return;
    event.preventDefault();
    show(carried.track, carried.row, carried.rows);
    const name = carried.track.closest(".column").querySelector("h2").textContent;
    say(`${name}, ${ghost.textContent}`);
  });

  document.addEventListener("focusout", (event) => {
    if (carried && at(event, "a[data-v]")) leave();
  });
})();
