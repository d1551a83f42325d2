"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);

  // Light and dark: the page's colours are CSS, plotly's are resolved from it.
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
  const probe = byId("theme").appendChild(document.createElement("span"));

  function resolved(variable) {
    probe.style.color = variable;
    return getComputedStyle(probe).color;
  }

  function painted(value, key = "") {
    if (Array.isArray(value)) return value.map((part) => painted(part, key));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, painted(part, name)]));
    }
    const isColour = /colou?r(scale)?$/.test(key) && typeof value === "string" && value.startsWith("var(");
    return isColour ? resolved(value) : value;
  }

  const figures = read("figures");
  const settings = { displayModeBar: false, responsive: true, displaylogo: false };

  function draw() {
    for (const plot of document.querySelectorAll("[data-figure]")) {
      const { data, layout } = painted(figures[plot.dataset.figure]);
      Plotly.react(plot, data, layout, settings);
    }
    byId("theme").firstChild.data = isDark() ? "Light page" : "Dark page";
  }

  byId("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    draw();
  });
  systemDark.addEventListener("change", draw);

  // Soft targets: every bar is softmax(logits / T), T from the one slider.
  const softened = read("softened");
  const slider = byId("temperature");
  const [low, start, high] = ["low", "start", "high"].map((name) => Number(slider.dataset[name]));

  // The slider's places are even in log T; a place beside a whole number is that number.
  function temperatureAt(place) {
    const exact = low * (high / low) ** (place / slider.max);
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

  function inWords(p) {
    if (p >= 0.0005) return p.toFixed(3);
    return p > 0 ? p.toExponential(0).replace("e-", "e−") : "0";
  }

  function soften(temperature) {
    const told = temperature.toPrecision(3);
    byId("temperature-now").value = told;
    slider.setAttribute("aria-valuetext", told);
    for (const table of document.querySelectorAll("[data-example]")) {
      const columns = softened[table.dataset.example].map((logits) => softmax(logits, temperature));
      [...table.tBodies[0].rows].forEach((row, place) => {
        columns.forEach((probabilities, model) => {
          const cell = row.cells[model + 1];
          cell.querySelector(".bar").style.width = `${100 * probabilities[place]}%`;
          cell.querySelector(".probability").textContent = inWords(probabilities[place]);
        });
      });
    }
  }

  function softenFromStart() {
    slider.value = (slider.max * Math.log(start / low)) / Math.log(high / low);
    soften(start);
  }

  slider.addEventListener("input", () => soften(temperatureAt(slider.value)));
  byId("temperature-back").addEventListener("click", softenFromStart);

  // Copying: tables as tab-separated values, anything else as its text.
  function textOf(element) {
    if (element.tagName !== "TABLE") return element.textContent;
    const line = (row) => [...row.cells].map((cell) => cell.textContent.trim().replace(/\s+/g, " ")).join("\t");
    return [...element.rows].map(line).join("\n") + "\n";
  }

  async function copy(button) {
    const element = byId(button.dataset.copy);
    const status = button.parentElement.querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(textOf(element));
      status.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(element);
      status.textContent = "Selected; the browser lets only you copy it.";
    }
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(button));
  }

  softenFromStart();
  draw();
})();
