// The page of a comparison: nothing opens where one points at a picture.
const pointedAt = () => {};
draw();
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(startPlots)));
