// Examples as cards; every bar is softmax(logits / T), with T from sliders that move together.
const held = read("held");
const sliders = [...document.querySelectorAll(".heat input")];
const [low, start, high] = ["low", "start", "high"].map((name) => Number(sliders[0].dataset[name]));
const steps = Number(sliders[0].max);
let temperature = start;
let beside = held.beside; // which model's bars stand beside the reference's, null for none
const whenSoftened = [];

const bars = () => (beside === null ? [held.reference] : [held.reference, beside]);
const nameOf = (index) => held.names[index];

// The slider's places are even in log T; a place beside a whole number is that number.
function temperatureAt(place) {
  const exact = low * (high / low) ** (place / steps);
  const whole = Math.round(exact);
  return Math.abs(exact - whole) < 0.008 * exact ? whole : Number(exact.toPrecision(3));
}

function softmax({ shown, rest }, temperature) {
  const top = Math.max(...shown.map((z) => z ?? -Infinity), ...rest.values);
  const mass = (z) => (z === null ? 0 : Math.exp((z - top) / temperature));
  const parts = shown.map(mass);
  const others = rest.values.reduce((sum, z, place) => sum + rest.counts[place] * mass(z), 0);
  const total = parts.reduce((sum, part) => sum + part, others) || 1;
  return [...parts, others].map((part) => part / total);
}

// What a model gives one class of an example; 0 for a class without a bar.
function probability(example, model, index, temperature) {
  const place = example.bars.indexOf(index);
  return place < 0 ? 0 : softmax(example.logits[model], temperature)[place];
}

function inWords(p) {
  if (p >= 0.0005) return p.toFixed(3);
  return p > 0 ? p.toExponential(0).replace("e-", "e−") : "0";
}

function made(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function card(example, why) {
  const article = byId("card").content.cloneNode(true).firstElementChild;
  const part = (selector) => article.querySelector(selector);
  const label = example.label === null ? "" : `, label ${nameOf(example.label)}`;
  part("h4").textContent = `Example ${example.id}${label}`;
  part(".why").textContent = why;
  if (example.origin === null) part(".origin").remove();
  else part(".origin").textContent = example.origin;
  if (example.picture) {
    part("img").src = example.picture;
    part("img").alt = `Input of example ${example.id}`;
  } else part("img").remove();
  fillValues(part(".wide"), example);
  example.choices.forEach((choice, model) => {
    const wrong = example.label !== null && choice !== example.label;
    part(".choices").append(`${model ? ", " : ""}${held.cast[model]} `, made("b", nameOf(choice), wrong ? { class: "wrong" } : {}));
  });
  fillBars(part(".bars"), example);
  return article;
}

// Long numbers scroll within the card.
function fillValues(box, example) {
  if (!example.values.length) return box.remove();
  box.setAttribute("aria-label", `Values of example ${example.id}`);
  const table = box.firstElementChild;
  const told = example.values.length < held.numValues ? `The first ${example.values.length} of ${held.numValues} values` : "The values";
  table.createCaption().textContent = `${told} of example ${example.id}`;
  for (let first = 0; first < example.values.length; first += 8) {
    const [numbers, values] = [table.insertRow(), table.insertRow()];
    example.values.slice(first, first + 8).forEach((value, place) => {
      numbers.append(made("th", first + place + 1, { scope: "col" }));
      values.append(made("td", value));
    });
  }
}

function fillBars(table, example) {
  table.caption.textContent = `Probabilities of example ${example.id}`;
  table.tHead.rows[0].append(...bars().map((model) => made("th", held.cast[model], { scope: "col" })));
  const hasOthers = example.bars.length < held.names.length;
  const names = [...example.bars.map(nameOf), ...(hasOthers ? ["others"] : [])];
  table.classList.toggle("short", names.every((name) => name.length <= 3));
  names.forEach((name, place) => {
    const row = table.tBodies[0].insertRow();
    row.append(made("th", name, { scope: "row", title: name }));
    if (example.label !== null && example.bars[place] === example.label) {
      row.className = "label";
      row.cells[0].append(made("span", " (the label)", { class: "unseen" }));
    }
    for (const model of bars()) {
      const [track, bar] = [made("span", "", { class: "track" }), made("span", "", { class: `bar ${held.tones[model]}` })];
      track.append(bar);
      row.insertCell().append(track, made("span", "", { class: "probability" }));
    }
  });
  softenTable(table, example);
  table.softened = () => softenTable(table, example);
}

function softenTable(table, example) {
  bars().forEach((model, column) => {
    const probabilities = softmax(example.logits[model], temperature);
    [...table.tBodies[0].rows].forEach((row, place) => {
      const cell = row.cells[column + 1];
      cell.querySelector(".bar").style.width = `${100 * probabilities[place]}%`;
      cell.querySelector(".probability").textContent = inWords(probabilities[place]);
    });
  });
}

function soften(to) {
  temperature = to;
  const told = to.toPrecision(3);
  for (const output of document.querySelectorAll(".heat output")) output.value = told;
  for (const slider of sliders) slider.setAttribute("aria-valuetext", told);
  for (const table of document.querySelectorAll("table.bars")) table.softened();
  whenSoftened.forEach((then) => then());
}

function place(sliderPlace) {
  for (const slider of sliders) slider.value = sliderPlace;
}

function softenFromStart() {
  place((steps * Math.log(start / low)) / Math.log(high / low));
  soften(start);
}

for (const slider of sliders) {
  slider.addEventListener("input", () => {
    place(slider.value);
    soften(temperatureAt(slider.value));
  });
}
for (const button of document.querySelectorAll(".heat button")) button.addEventListener("click", softenFromStart);
