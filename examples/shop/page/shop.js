// The page: it asks for a play, and shows the events of the play as they come, a little slower than they were.
"use strict";

const byId = (id) => document.getElementById(id);
const form = byId("form"), press = byId("press"), other = byId("other"), steps = byId("steps");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const pause = 320; // ms between two steps that are seen

function make(tag, className, ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children); // text stays text: nothing that people type becomes an element
  return e;
}

// --- what was picked

const picked = () => form.elements.story.value;
const input = (id) => form.querySelector(`[name=story][value="${id}"]`);
const withLibrary = () => form.elements.with.value === "yes";

function showPicked() {
  const { thing, press: label, sentence } = input(picked()).dataset;
  byId("sentence").textContent = sentence;
  const names = input(picked()).dataset.lanes.split("|");
  lanes = names.map((name, i) => ({ name, id: i === 0 ? "client" : i === names.length - 1 ? "db" : "AB"[i - 1] }));
  press.textContent = label;
  byId("where").textContent = document.querySelector(`figure[data-for=${thing}][data-with=${form.elements.with.value}]`).dataset.place;
  for (const e of document.querySelectorAll("[data-for]")) {
    e.hidden = !e.dataset.for.split(" ").includes(thing);
    for (const field of e.querySelectorAll("input")) field.disabled = e.hidden;
  }
}

form.addEventListener("change", (e) => {
  if (e.target.name === "story" || e.target.name === "with") {
    showPicked();
    clear();
  }
});

// --- a play

let playing = false, pressed = false;

form.addEventListener("submit", async (e) => {
  e.preventDefault();
  if (playing) return;
  const body = new URLSearchParams(new FormData(form)); // before setPlaying, which disables a part of the form
  setPlaying(true);
  pressed = true;
  byId("alert").textContent = "";
  try {
    const answer = await fetch("play", { method: "POST", body });
    if (!answer.ok) fail(await answer.text());
  } catch {
    fail("The shop does not answer: is the program still running?");
  }
});

function fail(text) {
  byId("alert").textContent = text;
  setPlaying(false);
}

function setPlaying(is) {
  playing = is;
  press.setAttribute("aria-disabled", is); // not disabled, which would take the focus away
  for (const fields of form.querySelectorAll("fieldset")) fields.disabled = is; // what is shown stays what was picked
  document.body.classList.toggle("playing", is);
}

other.addEventListener("click", () => {
  form.elements.with.value = withLibrary() ? "no" : "yes";
  form.requestSubmit();
  press.focus({ preventScroll: true });
});

// --- events, one after the other

const queue = [];
let timer = 0;

new EventSource("events").addEventListener("message", (e) => {
  const event = JSON.parse(e.data);
  if (event.kind === "begin") { queue.length = 0; clearTimeout(timer); timer = 0; }
  queue.push(event);
  if (!timer) next();
});

function next() {
  timer = 0;
  while (queue.length > 0) {
    const event = queue.shift();
    const seen = show[event.kind](event);
    if (seen && pressed && !calm.matches) {
      timer = setTimeout(next, pause);
      return;
    }
  }
}

let lanes = [], thing = "payment"; // of the story that is shown

// show has a function for each kind of event. It returns true if the eye needs time for what it did.
const show = {
  begin(e) {
    input(e.story).checked = true;
    form.elements.with.value = e.with ? "yes" : "no";
    showPicked();
    clear();
    setPlaying(true);
    byId("empty").hidden = true;
    byId("head").textContent = "Watch";
    byId("ending").textContent = "It is happening now.";
    reveal();
  },
  arrow(e) {
    if (e.tone === "request") count("requests");
    addStep(e, laneOf(e.from), laneOf(e.to));
    return true;
  },
  lost(e) {
    addStep(e, laneOf(e.from), laneOf(e.to));
    return true;
  },
  note(e) {
    if (e.tone === "wait" || e.tone === "replay") count(e.tone + "s");
    addStep(e, laneOf(e.at), laneOf(e.at));
    if (e.tone === "kill") lanesEl()[laneOf(e.at)].classList.add("dead");
    return true;
  },
  sql(e) {
    const who = make("span", "who", make("span", "unseen", nameOf(e.at) + ", attempt "), (lanes.length > 3 ? e.at : "") + e.attempt);
    const full = make("p", "", make("code", "", e.text));
    if (e.args) full.append(make("code", "args", e.args.join(", ")));
    byId("sql").append(make("li", "", make("details", "", make("summary", "", who, make("code", "", e.text)), full)));
    byId("sql-empty").hidden = true;
  },
  rows(e) {
    document.querySelector("[data-count=claims]").textContent = (e.rows.keys || []).length;
    drawRows(e.rows);
    drawReceipt(e.rows);
  },
  end(e) {
    byId("verdict").dataset.ok = e.ok;
    byId("head").textContent = e.head;
    byId("ending").textContent = e.text;
    const tally = input(e.story).closest("label").querySelector(`[data-with=${e.with ? "yes" : "no"}]`);
    tally.dataset.ok = e.ok;
    tally.parentElement.classList.add("tried");
    tally.querySelector("b").textContent = e.head.replace(/^\S+ /, "");
    other.textContent = e.with ? "See it without the library" : "See it with the library";
    other.hidden = false;
    setPlaying(false);
    reveal();
  },
};

function clear() {
  steps.replaceChildren();
  writes.clear();
  printed = 0;
  drawLanes();
  byId("sql").replaceChildren();
  byId("sql-empty").hidden = false;
  byId("empty").hidden = false;
  other.hidden = true;
  delete byId("verdict").dataset.ok;
  byId("head").textContent = "Nothing yet";
  byId("ending").textContent = "Press “" + press.textContent + "”.";
  for (const e of document.querySelectorAll("[data-count]")) e.textContent = "0";
  thing = input(picked()).dataset.thing;
  const none = { opening: 10000, balance: 10000 };
  drawRows(none);
  drawReceipt(none);
}

// reveal scrolls to the verdict, which on a phone is below the button.
function reveal() {
  if (pressed) byId("verdict").scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function count(what) {
  const e = document.querySelector(`[data-count=${what}]`);
  e.textContent = Number(e.textContent) + 1;
}

// --- the drawing

const writes = new Set(); // what was written so far
const laneOf = (id) => lanes.findIndex((l) => l.id === id);
const nameOf = (id) => lanes[laneOf(id)].name;
const lanesEl = () => byId("lanes").children;

function drawLanes() {
  byId("lanes").replaceChildren(...lanes.map((l) => make("div", "lane", make("span", "", l.name))));
  byId("drawing").style.setProperty("--lanes", lanes.length);
}

function addStep(e, from, to) {
  const said = from === to ? `${lanes[from].name}: ` : `${lanes[from].name} to ${lanes[to].name}: `;
  const label = make("span", "label", make("span", "unseen", said), make("span", "say", e.text));
  if (e.kind === "lost") label.append(make("span", "unseen", ", lost"));
  if (e.attempt) label.querySelector(".say").prepend(make("span", "attempt", make("span", "unseen", "attempt "), String(e.attempt)));
  const step = make("li", `step ${e.kind} ${e.tone}${to < from ? " back" : ""}`, make("span", "line"), label);
  if (e.tone === "write" && !e.text.endsWith("unchanged")) {
    if (writes.has(e.text)) step.classList.add("again");
    writes.add(e.text);
  }
  step.style.setProperty("--from", Math.min(from, to));
  step.style.setProperty("--span", Math.abs(to - from));
  steps.append(step);
}

// --- what is stored

const euros = (cents) => (cents < 0 ? "−" : "") + "€" + (Math.abs(cents) / 100).toFixed(2);

function drawRows(rows) {
  const tables = {
    payment: [
      ["shop_accounts", ["balance"], [[euros(rows.balance)]]],
      ["shop_payments", ["id", "amount", "reference"], (rows.payments || []).map((p) => [p.id.slice(0, 8) + "…", euros(p.amount), p.reference])],
      ["shop_keys", ["op", "id", "state"], keyRows(rows)],
    ],
    record: [["shop_addresses", ["id", "name", "street"], (rows.addresses || []).map((a) => [a.id.slice(0, 8), a.name, a.street])]],
    message: [
      ["shop_parcels", ["id", "contents"], (rows.parcels || []).map((p) => [p.id.slice(0, 8) + "…", p.contents])],
      ["shop_keys", ["op", "id", "state"], keyRows(rows)],
    ],
  }[thing];
  byId("rows").replaceChildren(...tables.map(([name, heads, body]) => {
    const caption = make("caption", "", make("code", "", name), ` ${body.length} ${body.length === 1 ? "row" : "rows"}`);
    const head = make("thead", "", make("tr", "", ...heads.map((h) => { const th = make("th", "", h); th.scope = "col"; return th; })));
    const none = make("td", "none", "no rows");
    none.colSpan = heads.length;
    const trs = body.length ? body.map((cells) => make("tr", "", ...cells.map((c) => make("td", "", c)))) : [make("tr", "", none)];
    return make("table", "", caption, head, make("tbody", "", ...trs));
  }));
}

const keyRows = (rows) => (rows.keys || []).map((k) => [k.op || "message", k.id, "done"]);

let printed = 0; // lines of the receipt that were there before

function drawReceipt(rows) {
  const [title, first, done, total, sum] = {
    payment: ["Ada’s account", [["Opening balance", euros(rows.opening)]], (rows.payments || []).map((p) => ["Desk lamp", euros(-p.amount)]), rows.balance < 0 ? "Overdrawn" : "Balance", euros(rows.balance)],
    record: ["Customers", [], (rows.addresses || []).map((a) => [a.name, a.street]), "Customers", (rows.addresses || []).length],
    message: ["Parcels sent", [], (rows.parcels || []).map((p) => ["Parcel", p.contents]), "Lamps sent", (rows.parcels || []).length],
  }[thing];
  const line = ([what, value], className) => make("div", className, make("dt", "", what), make("dd", "", String(value)));
  const lines = done.map(([what, value], i) => line([what + (i > 0 ? ", again" : ""), value], (i > 0 ? "again" : "") + (i >= printed ? " new" : "")));
  printed = done.length;
  byId("receipt").replaceChildren(make("h3", "", title), make("dl", "", ...first.map((l) => line(l, "")), ...lines, line([total, sum], "total")));
}

showPicked();
clear();
