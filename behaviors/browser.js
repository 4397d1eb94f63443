// Which traces are listed and which one is shown: filters, list, keys. Written with `browser_trace.js` before it.
const SLICE = 500;   // sentences put on the page at once: the page answers between slices
const CHOICES = {    // what a select filters by
  model: (trace) => trace.model, domain: (trace) => trace.domain, answer: (trace) => rightness(trace.correct),
};
const root = document.getElementById("traces");
const data = JSON.parse(byId("data").textContent);
const selects = Object.keys(CHOICES).map((name) => [byId(name), CHOICES[name]]);

for (const trace of data.traces) {
  trace.text = trace.sentences.map(([before, sentence]) => before + sentence).join("") + trace.rest;
  trace.counts = {self_verification: 0, backtracking: 0, other: 0};
  for (const sentence of trace.sentences) trace.counts[sentence[2]] += 1;
}

let listed = [];      // the traces that pass the filters, in order
let buttons = [];     // their buttons in the list
let labels = [];      // the labels ticked
let query = null;     // what is searched for, as a RegExp
let current = null;   // the trace on the page
let spans = [];       // its sentences that are on the page so far
let at = -1;          // the one jumped to
let written = null;   // the writer of its text

const tagged = (label) => labels.length ? labels.includes(label) : label !== "other";

// Give a select its choices; one without any is not shown.
function offer(select, choice) {
  const values = new Set(data.traces.map(choice).filter((value) => value !== undefined));
  select.replaceChildren(...["", ...values].map((value) => new Option(value || "all", value)));
  select.parentElement.hidden = !values.size;
}

// Read the filters, list the traces that pass, and show the current one again, or the first.
function filter() {
  labels = Array.from(root.querySelectorAll("input[name=label]:checked"), (box) => box.value);
  const wanted = byId("search").value;
  query = wanted.trim() ? new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|\/]/g, "\\$&"), "giu") : null;
  listed = data.traces.filter(passes);
  buttons = listed.map(button);
  byId("list").replaceChildren(...buttons.map((made) => {
    const item = document.createElement("li");
    item.append(made);
    return item;
  }));
  byId("count").textContent = `${listed.length} of ${data.traces.length} traces`;
  show(listed.includes(current) ? current : listed[0] || null);
}

function passes(trace) {
  return selects.every(([select, choice]) => !select.value || choice(trace) === select.value)
    && (!labels.length || labels.some((label) => trace.counts[label]))
    && (!query || [trace.text, trace.prompt || ""].some((text) => text.search(query) >= 0));
}

// The button of a trace: its name, is it right, and how many sentences have each label.
function button(trace) {
  const made = document.createElement("button"), counts = document.createElement("span");
  const {self_verification: checks, backtracking: turns} = trace.counts, total = trace.sentences.length;
  const right = rightness(trace.correct);
  if (right) counts.append(make("span", right === "right" ? "\u2713" : "\u2717", right), " ");
  counts.append(make("span", checks, checks ? "self_verification" : ""), " ",
                make("span", turns, turns ? "backtracking" : ""), ` of ${total}`);
  made.type = "button";
  made.title = `${right ? `${right}; ` : ""}${checks} self-verification, ${turns} backtracking, of ${total} sentences`;
  made.append(make("span", trace.name), counts);
  made.addEventListener("click", () => visit(trace));
  return made;
}

// Put a trace on the page: its first sentences, or as far as the first match, now, and the others in slices.
function show(trace) {
  [current, spans, at] = [trace, [], -1];
  byId("text").replaceChildren();
  describe(trace || {name: ""}, query);
  listed.forEach((other, k) => other === trace
    ? buttons[k].setAttribute("aria-current", "true") : buttons[k].removeAttribute("aria-current"));
  byId("reader").scrollTop = 0;
  if (!trace) return say("No trace passes the filters.");
  reveal(buttons[listed.indexOf(trace)], byId("box"));
  written = writer(trace.text, query);
  more();
  while (written.waiting() && spans.length < trace.sentences.length) more();
  const first = byId("reader").querySelector("mark");
  if (first) reveal(first, byId("reader"), true);
  setTimeout(fill, 0, spans);
  say("");
}

// Add slices until the trace that these spans belong to is whole, or another one is shown.
function fill(mine) {
  if (mine !== spans || spans.length === current.sentences.length) return;
  more();
  setTimeout(fill, 0, mine);
}

// Add the next slice of sentences, and after the last one the rest of the text.
function more() {
  const part = document.createDocumentFragment(), all = current.sentences;
  for (const [before, sentence, label, checks, turns] of all.slice(spans.length, spans.length + SLICE)) {
    const span = make("span", "", labels.length && !tagged(label) ? `${label} dim` : label);
    span.title = `${NAMES[label]}: p(self-verification) ${checks.toFixed(2)}, p(backtracking) ${turns.toFixed(2)}`;
    span.tabIndex = -1;
    written.add(part, before);
    written.add(span, sentence);
    part.append(span);
    spans.push(span);
  }
  if (spans.length === all.length) written.add(part, current.rest);
  byId("text").append(part);
}

// Show a trace because the reader asked for it.
function visit(trace) {
  show(trace);
  byId("reader").scrollIntoView({block: "nearest"});
}

// Go to the next (1) or previous (-1) tagged sentence, in this trace or on through the list.
function jump(by) {
  let sentence = at;
  for (let k = listed.indexOf(current); k >= 0 && k < listed.length; k += by) {
    const all = listed[k].sentences;
    if (listed[k] !== current) sentence = by > 0 ? -1 : all.length;
    for (sentence += by; sentence >= 0 && sentence < all.length; sentence += by) {
      if (tagged(all[sentence][2])) return go(listed[k], sentence);
    }
  }
  say(by > 0 ? "No tagged sentence after this one." : "No tagged sentence before this one.");
}

function go(trace, sentence) {
  if (trace !== current) show(trace);
  byId("reader").scrollIntoView({block: "nearest"});
  while (spans.length <= sentence) more();
  at = sentence;
  spans[at].focus({preventScroll: true});
  reveal(spans[at], byId("reader"), true);
  say(`Sentence ${at + 1} of ${trace.sentences.length}: ${NAMES[trace.sentences[at][2]]}.`);
}

function step(by) {
  const trace = listed[listed.indexOf(current) + by];
  if (!trace) return say(by > 0 ? "This is the last trace." : "This is the first trace.");
  const inList = byId("list").contains(document.activeElement);
  visit(trace);
  if (inList) buttons[listed.indexOf(trace)].focus();
}

function say(what) {
  const place = current ? `Trace ${listed.indexOf(current) + 1} of ${listed.length} listed. ` : "";
  byId("place").textContent = place + what;
}

// Show the trace that the address names, `#trace=NAME`, whatever the filters.
function follow() {
  const name = new URLSearchParams(location.hash.slice(1)).get("trace");
  if (name === null) return;
  const trace = data.traces.find((one) => one.name === name);
  if (!trace) return say(`No trace is called ${name}.`);
  if (!listed.includes(trace)) {
    byId("filters").reset();
    filter();
  }
  visit(trace);
}

// Is the browser what the reader looks at?
function seen() {
  const {top, bottom} = root.getBoundingClientRect();
  return top < innerHeight / 2 && bottom > innerHeight / 2;
}

const KEYS = {
  n: () => jump(1), p: () => jump(-1), j: () => step(1), k: () => step(-1), "/": () => byId("search").focus(),
};
let waiting = 0;

document.addEventListener("keydown", (event) => {
  const place = document.activeElement;
  if (place === byId("search")) {
    if (event.key !== "Escape") return;
    event.preventDefault();  // some browsers would empty the field
    byId("reader").focus();
  } else if (KEYS[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey && place.tagName !== "SELECT"
             && (root.contains(place) || seen())) {
    event.preventDefault();
    KEYS[event.key]();
  }
});
byId("filters").addEventListener("change", (event) => event.target === byId("search") || filter());
byId("filters").addEventListener("reset", () => setTimeout(filter));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 200);
});
byId("next").addEventListener("click", () => jump(1));
byId("previous").addEventListener("click", () => jump(-1));
window.addEventListener("hashchange", follow);
byId("note").textContent = data.note;
byId("note").hidden = !data.note;
selects.forEach(([select, choice]) => offer(select, choice));
filter();
follow();
