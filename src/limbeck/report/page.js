// Light and dark, plotly's figures, copying.
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);

// The page's colours are CSS, plotly's are resolved from it.
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
const plots = [...document.querySelectorAll("[data-figure]")];
let plotsAreThere = false;

function draw() {
  byId("theme").firstChild.data = isDark() ? "Light page" : "Dark page";
  if (!plotsAreThere) return;
  for (const plot of plots) {
    const { data, layout } = painted(figures[plot.dataset.figure]);
    Plotly.react(plot, data, layout, settings);
  }
}

byId("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  draw();
});
systemDark.addEventListener("change", draw);

// Plotly is kept compressed, and starts once the page can be read.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function startPlots() {
  if (!plots.length) return;
  try {
    const script = document.createElement("script");
    script.textContent = await unpacked(byId("plotly").textContent);
    document.head.append(script); // runs at once: the page's policy knows its hash
    plotsAreThere = true;
    draw();
    plots.forEach((plot) => plot.on("plotly_click", (event) => pointedAt(plot.dataset.figure, event.points[0])));
  } catch (error) {
    for (const plot of plots) plot.textContent = "This browser can’t draw the picture; below it stands what it says.";
    throw error;
  }
}

// A table that is wider than its place says so.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) target.nextElementSibling.querySelector(".sideways").hidden = target.scrollWidth <= target.clientWidth;
});
for (const said of document.querySelectorAll(".sideways")) widths.observe(said.parentElement.previousElementSibling);

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
