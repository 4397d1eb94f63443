// The browser of tagged traces, in any page that holds `browser.html` and what `browser.py` writes as JSON:
// {traces: [{name, sentences: [[text before it, sentence, label, p self-verification, p backtracking], ...], rest, and
//   what is known of model, domain, task, correct, reward, reason, prompt, verdicts: [{judge, mode, verdict, agrees}]},
//   ...], note}
// Every string of a trace reaches the page as a text node, a title or a link's target in this page, never as HTML.
// What a trace looks like: its facts, its prompt, what judges said, its text with the matches of a search.
const MARKS = 2000;  // matches marked in one text at most
const NAMES = {self_verification: "self-verification", backtracking: "backtracking", other: "other"};
const byId = (id) => document.getElementById(`trace-${id}`);
const rightness = (correct) => correct === undefined ? undefined : correct ? "right" : "wrong";

function make(kind, text, className = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  made.className = className;
  return made;
}

// What is above a trace's text.
function describe(trace, query) {
  const right = rightness(trace.correct), prompt = writer(trace.prompt || "", query);
  const reward = trace.reward === undefined ? undefined : `reward ${+trace.reward.toFixed(4)}`;
  const parts = [trace.model, trace.domain, trace.task, right && make("strong", right, right), reward, trace.reason];
  const known = parts.filter((part) => part);
  byId("name").textContent = trace.name;
  byId("link").href = `#trace=${encodeURIComponent(trace.name)}`;
  byId("link").hidden = !trace.name;
  byId("facts").replaceChildren(...known.flatMap((part, k) => k ? [" \u00b7 ", part] : [part]));
  byId("facts").hidden = !known.length;
  byId("asked").hidden = !trace.prompt;
  byId("prompt").replaceChildren();
  prompt.add(byId("prompt"), trace.prompt || "");
  if (prompt.found) byId("asked").open = true;
  judges(trace.verdicts || []);
}

// A row a judge, a column a mode: what each said, and whether the verifier says so too.
function judges(verdicts) {
  const modes = [...new Set(verdicts.map((one) => one.mode))], rows = new Map();
  for (const one of verdicts) rows.set(one.judge, {...rows.get(one.judge), [one.mode]: one});
  const cell = (one) => !one ? make("td", "") : one.verdict === null ? make("td", "no verdict")
    : make("td", `${rightness(one.verdict)} ${one.agrees ? "\u2713" : "\u2717"}`, one.agrees ? "right" : "wrong");
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.insertRow().append(...["judge", ...modes].map((name) => make("th", name)));
  for (const [name, row] of rows) body.insertRow().append(make("th", name), ...modes.map((mode) => cell(row[mode])));
  byId("judged").hidden = !verdicts.length;
  byId("judged").querySelector("table").replaceChildren(head, body);
  const agree = verdicts.filter((one) => one.agrees).length;
  byId("judged").querySelector("summary").textContent =
    `Judges: ${agree} of ${verdicts.length} verdicts agree (\u2713) with the verifier`;
}

// Writes a text piece by piece, with the matches in it, or the parts of them, marked.
function writer(text, query) {
  const hits = [];
  for (const match of query ? text.matchAll(query) : []) {
    if (hits.push([match.index, match.index + match[0].length]) === MARKS) break;
  }
  let hit = 0, position = 0;  // the first match that is not marked yet; how much is written
  function add(parent, piece) {
    let done = 0;
    while (hit < hits.length && hits[hit][0] < position + piece.length) {
      const [start, end] = hits[hit].map((place) => Math.min(Math.max(place - position, 0), piece.length));
      if (start > done) parent.append(piece.slice(done, start));
      if (end > start) parent.append(make("mark", piece.slice(start, end)));
      done = end;
      if (hits[hit][1] > position + piece.length) break;  // it goes on in the next piece
      hit += 1;
    }
    if (done < piece.length) parent.append(piece.slice(done));
    position += piece.length;
  }
  return {add, found: hits.length, waiting: () => hits.length > 0 && hit === 0};
}

// Scroll a box, and nothing around it, until an element in it is seen, or is in its middle.
function reveal(element, box, middle = false) {
  const inner = element.getBoundingClientRect(), outer = box.getBoundingClientRect();
  const above = inner.top - outer.top, below = inner.bottom - outer.bottom;
  if (middle) box.scrollTop += above - Math.max(0, (outer.height - inner.height) / 2);
  else if (above < 0 || below > 0) box.scrollTop += above < 0 ? above : below;
}
