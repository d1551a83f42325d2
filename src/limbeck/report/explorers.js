// Mistakes, and the examples behind them; soft targets, and what classes share.
const kinds = held.mistakes.map(([label, choice, byAny, soft, ...counts]) => ({ label, choice, byAny, soft, counts }));
const ANY = -1; // in the place of a model: whichever of them
const MOST_LISTED = 100;
const MOST_SHOWN = 6; // examples of a cell, and of two classes
let cell = kinds[0] ? { label: kinds[0].label, choice: kinds[0].choice, model: ANY } : null;

const hasCells = byId("mistakes") !== null;
const isCell = (kind) => cell !== null && kind.label === cell.label && kind.choice === cell.choice;
const number = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

function fillOptions(select, options) {
  select.replaceChildren(...options.map(([value, text]) => made("option", text, { value })));
}

// The list of kinds of mistakes: the way to the cells without a mouse.
function listMistakes() {
  const bySoft = byId("mistakes-order").value === "soft";
  const order = bySoft ? [...kinds].sort((one, other) => other.soft - one.soft) : kinds.filter((kind) => kind.byAny > 0);
  const rows = order.slice(0, MOST_LISTED).map((kind) => {
    const row = document.createElement("tr");
    const button = made("button", `${nameOf(kind.label)} taken for ${nameOf(kind.choice)}`, { type: "button" });
    button.addEventListener("click", () => openCell(kind.label, kind.choice, ANY));
    const name = made("th", "", { scope: "row" });
    name.append(button);
    row.append(name, ...kind.counts.map((count) => made("td", count)), made("td", `${(100 * kind.soft).toFixed(1)}%`));
    row.kind = kind;
    return row;
  });
  byId("mistakes").tBodies[0].replaceChildren(...rows);
  const more = order.length - rows.length;
  byId("mistakes-more").textContent = more > 0 ? `${number(more, "more kind")} of mistakes: choose the classes beside the list, or point at their cell.` : "";
  markCell();
}

function markCell() {
  for (const row of byId("mistakes").tBodies[0].rows) {
    const button = row.cells[0].firstChild;
    if (isCell(row.kind)) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  const [row, column] = [held.drawn.indexOf(cell.label), held.drawn.indexOf(cell.choice)];
  const frame = { type: "rect", x0: column - 0.5, x1: column + 0.5, y0: row - 0.5, y1: row + 0.5 };
  const shapes = [{ ...frame, line: { color: "var(--ink)", width: 2 } }];
  for (const plot of plots.filter((plot) => plot.dataset.figure.startsWith("confusion-"))) {
    figures[plot.dataset.figure].layout.shapes = shapes;
    if (plotsAreThere) Plotly.relayout(plot, { shapes: painted(shapes) });
  }
}

// How much surer the mistaken model is of its choice than of the label.
function sureness(example, models) {
  const margin = (model) => probability(example, model, cell.choice, 1) - probability(example, model, cell.label, 1);
  return Math.max(...models.map(margin));
}

function behindTheCell() {
  const models = cell.model === ANY ? held.cast.map((_, model) => model) : [cell.model];
  const mistaken = (example) => models.filter((model) => example.choices[model] === cell.choice);
  return held.examples
    .filter((example) => example.label === cell.label && mistaken(example).length)
    .map((example) => ({ example, sure: sureness(example, mistaken(example)) }))
    .sort((one, other) => other.sure - one.sure)
    .slice(0, MOST_SHOWN);
}

function inSentence(shown) {
  const kind = kinds.find(isCell);
  if (cell.label === cell.choice) return `${number(shown, "right answer")} shown, of those that this page holds.`;
  if (!kind && held.mistakesLeftOut) return "This page keeps the commonest mistakes; this is none of them.";
  const total = !kind ? 0 : cell.model === ANY ? kind.byAny : kind.counts[cell.model];
  const missing = total - shown;
  const doubt = kind ? ` At T = ${start} the ${held.cast[held.reference]} gives ${nameOf(cell.choice)} ${(100 * kind.soft).toFixed(1)}% on the examples of ${nameOf(cell.label)}.` : "";
  const told = missing ? `: the ${shown} surest mistakes are shown, ${missing.toLocaleString("en")} are not` : shown > 1 ? ", the surest mistake first" : "";
  return `${number(total, "test example")}${told}.${doubt}`;
}

function openCell(label, choice, model) {
  cell = { label, choice, model };
  if (model !== ANY && model !== held.reference) lookBeside(model);
  byId("cell-label").value = label;
  byId("cell-choice").value = choice;
  byId("cell-model").value = model;
  showCell();
  markCell();
}

function showCell() {
  const by = cell.model === ANY ? "" : ` by the ${held.cast[cell.model]}`;
  byId("cell-title").textContent = cell.label === cell.choice ? `${nameOf(cell.label)} known as such${by}` : `${nameOf(cell.label)} taken for ${nameOf(cell.choice)}${by}`;
  const found = behindTheCell();
  byId("cell-told").textContent = inSentence(found.length);
  byId("cell-examples").replaceChildren(...found.map(({ example }) => card(example, "")));
}

function pointedAt(key, point) {
  if (!key.startsWith("confusion-")) return;
  const [row, column] = point.pointIndex;
  openCell(held.drawn[row], held.drawn[column], Number(key.split("-")[1]));
  const title = byId("cell-title");
  const top = title.getBoundingClientRect().top;
  if (top < 0 || top > 0.8 * window.innerHeight) title.scrollIntoView({ block: "center" }); // far below on a phone
}

if (hasCells) {
  for (const id of ["cell-label", "cell-choice"]) fillOptions(byId(id), held.drawn.map((index) => [index, nameOf(index)]));
  fillOptions(byId("cell-model"), [[ANY, "any of them"], ...held.cast.map((name, model) => [model, `the ${name}`])]);
  cell ??= { label: held.drawn[0], choice: held.drawn[0], model: ANY };
  for (const id of ["cell-label", "cell-choice", "cell-model"]) {
    byId(id).addEventListener("change", () => openCell(...["cell-label", "cell-choice", "cell-model"].map((each) => Number(byId(each).value))));
  }
  byId("mistakes-order").addEventListener("change", listMistakes);
}

// Soft targets: those that tell most, those that two classes share, or one.
const barred = [...new Set(held.examples.flatMap((example) => example.bars))].sort((one, other) => one - other);
const modes = [...document.querySelectorAll("[name=soft-mode]")];
let shownKey = "";

function shared(one, other) {
  const least = (example) => Math.min(...[one, other].map((index) => probability(example, held.reference, index, temperature)));
  return held.examples
    .map((example) => ({ example, mass: least(example) }))
    .filter(({ mass }) => mass > 0)
    .sort((a, b) => b.mass - a.mass)
    .slice(0, MOST_SHOWN);
}

function softShown() {
  const mode = modes.find((each) => each.checked).value;
  const [one, other, only] = ["pair-one", "pair-other", "only-example"].map((id) => Number(byId(id).value));
  if (mode === "one") return { title: "One example", told: `One of ${number(held.examples.length, "example")} that this page holds.`, found: [{ example: held.examples[only] }] };
  if (mode === "telling") return { title: "Examples that tell most", told: "", found: held.telling.map((why, place) => ({ example: held.examples[place], why })) };
  const found = one === other ? [] : shared(one, other);
  return {
    title: `What ${nameOf(one)} and ${nameOf(other)} share`,
    told: one === other ? "Choose two classes that differ." : `Of ${number(held.examples.length, "example")} that this page holds, those on which the ${held.cast[held.reference]} gives most to the less probable of the two, at the slider’s temperature.${found.length ? "" : " There is none."}`,
    found,
  };
}

function showSoft() {
  const { title, told, found } = softShown();
  byId("soft-title").textContent = title;
  byId("soft-told").textContent = told;
  const key = [title, beside, ...found.map(({ example }) => example.id)].join();
  if (key === shownKey) return;
  shownKey = key;
  byId("soft-examples").replaceChildren(...found.map(({ example, why }) => card(example, why ?? "")));
}

function lookBeside(model) {
  beside = model;
  for (const select of document.querySelectorAll(".beside")) select.value = model;
  for (const key of document.querySelectorAll(".key .beside-key")) {
    key.replaceChildren(made("i", "", { class: `swatch ${held.tones[model]}` }), held.cast[model]);
  }
}

function choose(mode) {
  modes.find((each) => each.value === mode).checked = true;
  showSoft();
}

for (const id of ["pair-one", "pair-other"]) {
  fillOptions(byId(id), barred.map((index) => [index, nameOf(index)]));
  byId(id).addEventListener("change", () => choose("pair"));
}
const [first, second] = held.pair ?? [barred[0], barred[0]];
byId("pair-one").value = first;
byId("pair-other").value = second;
fillOptions(byId("only-example"), held.examples.map((example, place) => [place, `${example.id}${example.label === null ? "" : `, label ${nameOf(example.label)}`}${example.origin === null ? "" : `: ${example.origin}`}`]));
byId("only-example").addEventListener("change", () => choose("one"));
for (const mode of modes) mode.addEventListener("change", showSoft);
for (const select of document.querySelectorAll(".beside")) {
  select.addEventListener("change", () => {
    lookBeside(Number(select.value));
    showSoft();
    if (hasCells) showCell();
  });
}
whenSoftened.push(showSoft);
