"use strict";
// The text of a cell, or the whole number behind it.
const key = (row, place) => {
  const cell = row.cells[place];
  return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent;
};
const order = (one, other) => {
  if (one === "" || other === "") return (one === "") - (other === "");
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other));
};
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const place = head.cellIndex;
    const rows = [...body.rows].sort((one, other) => {
      const a = key(one, place);
      const b = key(other, place);
      // Cells without a value stay at the end.
      return a === "" || b === "" ? order(a, b) : (down ? -1 : 1) * order(a, b);
    });
    body.append(...rows);
  });
}
