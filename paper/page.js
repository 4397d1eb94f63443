// Tables: a click, or Enter, on a head sorts by its column, numbers as numbers and estimates without their intervals;
// the choices above a table say which of its rows are shown.
const NUMBER = /^[<>~\u2248]?\s*([+\-\u2212]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)/i;
const NOTHING = ["", "not measured", "not found"];  // these come last, whichever way

function number(text) {
  const found = NUMBER.exec(text);
  return found ? Number(found[1].replaceAll(",", "").replace("\u2212", "-")) : NaN;
}

// What a column is sorted by: a function from a cell's text.
function keyOf(texts) {
  const known = texts.filter((text) => !NOTHING.includes(text));
  return known.length && known.every((text) => !Number.isNaN(number(text))) ? number : null;
}

const order = new Intl.Collator("en", {numeric: true}).compare;

function sort(table, column, down) {
  const body = table.tBodies[0], rows = Array.from(body.rows, (row) => [row.cells[column].textContent.trim(), row]);
  const key = keyOf(rows.map(([text]) => text));
  const compare = key ? (a, b) => key(a) - key(b) : order;
  const [held, empty] = [false, true].map((nothing) => rows.filter(([text]) => NOTHING.includes(text) === nothing));
  held.sort(([a], [b]) => down ? compare(b, a) : compare(a, b));
  body.append(...[...held, ...empty].map(([, row]) => row));
}

for (const table of document.querySelectorAll(".box table")) {
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const cells = Array.from(table.tBodies[0].rows, (row) => row.cells[column]);
    if (keyOf(cells.map((cell) => cell.textContent.trim()))) cells.forEach((cell) => cell.classList.add("number"));
    head.firstChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table, column, down);
    });
  });
}

for (const form of document.querySelectorAll(".choices")) {
  const rows = Array.from(document.getElementById(form.dataset.table).tBodies[0].rows);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    const chosen = Array.from(form.querySelectorAll("select")).filter((select) => select.value);
    for (const row of rows) {
      row.hidden = !chosen.every((select) => row.cells[select.dataset.column].textContent === select.value);
    }
    form.querySelector("[role=status]").textContent =
      `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  });
}

if (matchMedia("(max-width: 60rem)").matches) document.querySelector("#index details").open = false;
