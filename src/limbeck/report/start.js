// What is seen at first; plotly after it.
if (hasCells) {
  openCell(cell.label, cell.choice, cell.model);
  listMistakes();
}
softenFromStart();
draw();
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(startPlots)));
